//! A listening socket on its way to another process, so that a restart refuses nobody: both accept from one queue
//! until the older one stops. Knows nothing of who the other process is.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use socket2::{SockRef, Type};

/// What goes along: a message must have a byte, and this one tells a listener from chance.
const MARK: u8 = b'L';

#[cfg(not(target_vendor = "apple"))]
const CLOSED_ON_EXEC: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
const CLOSED_ON_EXEC: RecvFlags = RecvFlags::empty();

/// Gives the process at the other end of `stream` a listener of its own on the same socket. Ours stays open; stop it
/// with `Drain::hand_over` once the other is known to accept.
///
/// # Errors
/// When the message cannot be sent.
pub fn send_listener(stream: &UnixStream, listener: &TcpListener) -> io::Result<()> {
    let descriptors = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    match rustix::io::retry_on_intr(|| sendmsg(stream, &[IoSlice::new(&[MARK])], &mut control, SendFlags::NOSIGNAL))? {
        1 => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// Takes the listener that `send_listener` gave at the other end; it is closed on exec. Waits as `stream` does (set a
/// read timeout). Reads one byte of the stream.
///
/// # Errors
/// When the stream ends or fails, or when what came is not one listening TCP socket.
pub fn receive_listener(stream: &UnixStream) -> io::Result<TcpListener> {
    let mut mark = [0];
    // Room for two: more than one is refused, and the kernel closes what does not fit.
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received =
        rustix::io::retry_on_intr(|| recvmsg(stream, &mut [IoSliceMut::new(&mut mark)], &mut control, CLOSED_ON_EXEC))?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let whole = !received.flags.contains(ReturnFlags::CTRUNC) && mark == [MARK];
    match <[OwnedFd; 1]>::try_from(descriptors) {
        Ok([descriptor]) if whole => listener(descriptor),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it is not one listener")),
    }
}

fn listener(descriptor: OwnedFd) -> io::Result<TcpListener> {
    let socket = SockRef::from(&descriptor);
    let address = socket.local_addr()?;
    let listens = address.as_socket().is_some() && socket.r#type()? == Type::STREAM && is_listening(&socket)?;
    if !listens {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a TCP listener"));
    }
    #[cfg(target_vendor = "apple")]
    socket.set_cloexec(true)?;
    Ok(descriptor.into())
}

#[cfg(not(target_vendor = "apple"))]
fn is_listening(socket: &SockRef<'_>) -> io::Result<bool> {
    socket.is_listener()
}

/// Not to be known there; a listener that does not listen fails at its first accept.
#[cfg(target_vendor = "apple")]
fn is_listening(_: &SockRef<'_>) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpStream, UdpSocket};
    use std::time::Duration;

    use super::*;
    use crate::server::bind_tcp;

    fn send(stream: &UnixStream, mark: u8, descriptors: &[impl AsFd]) {
        let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(stream, &[IoSlice::new(&[mark])], &mut control, SendFlags::empty()).unwrap();
    }

    #[test]
    fn both_ends_accept_from_one_socket_and_the_other_goes_on_alone() {
        let ours = bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = ours.local_addr().unwrap();
        let (here, there) = UnixStream::pair().unwrap();
        send_listener(&here, &ours).unwrap();
        let theirs = receive_listener(&there).unwrap();
        assert_eq!(theirs.local_addr().unwrap(), address);
        assert!(rustix::io::fcntl_getfd(&theirs).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        // In the queue before ours closes, taken after.
        let mut caller = TcpStream::connect(address).unwrap();
        caller.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        drop(ours);
        theirs.set_nonblocking(false).unwrap();
        theirs.accept().unwrap().0.write_all(b"hi").unwrap();
        let mut said = String::new();
        caller.read_to_string(&mut said).unwrap();
        assert_eq!(said, "hi");
    }

    #[test]
    fn what_is_not_one_listener_is_refused() {
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (here, there) = UnixStream::pair().unwrap();
        let refused = |kind| assert_eq!(receive_listener(&there).unwrap_err().kind(), kind);
        send(&here, MARK, &[&stream]);
        refused(io::ErrorKind::InvalidData);
        send(&here, MARK, &[&datagrams]);
        refused(io::ErrorKind::InvalidData);
        send(&here, MARK, &[&here]);
        refused(io::ErrorKind::InvalidData);
        send(&here, MARK, &[&listener, &listener]);
        refused(io::ErrorKind::InvalidData);
        send(&here, MARK, &[&listener, &listener, &listener]);
        refused(io::ErrorKind::InvalidData);
        send(&here, b'x', &[&listener]);
        refused(io::ErrorKind::InvalidData);
        (&here).write_all(b"L").unwrap();
        refused(io::ErrorKind::InvalidData);
        drop(here);
        refused(io::ErrorKind::UnexpectedEof);
    }
}
