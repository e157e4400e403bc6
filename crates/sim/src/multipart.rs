//! `multipart/form-data` as far as the simulator needs it: each part's name, its file name, and where its content lies.

use std::ops::Range;

/// One part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content: Range<usize>,
}

/// The parts of a body; `None` when it is not a whole form of this content type.
pub(crate) fn parts(content_type: &str, body: &[u8]) -> Option<Vec<Part>> {
    let boundary = content_type.strip_prefix("multipart/form-data")?.split("boundary=").nth(1)?;
    let boundary = boundary.split(';').next()?.trim_matches('"');
    let between = format!("\r\n--{boundary}").into_bytes();
    // The first boundary stands at the beginning, without a line before it.
    let mut at = body.starts_with(&between[2..]).then_some(between.len() - 2)?;
    let mut parts = Vec::new();
    loop {
        let rest = &body[at..];
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let head = rest.strip_prefix(b"\r\n")?;
        let head_end = find(head, b"\r\n\r\n")?;
        let from = at + 2 + head_end + 4;
        let to = from + find(&body[from..], &between)?;
        parts.push(part(std::str::from_utf8(&head[..head_end]).ok()?, from..to)?);
        at = to + between.len();
    }
}

fn part(head: &str, content: Range<usize>) -> Option<Part> {
    let disposition = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let field = |name: &str| {
        let mut fields = disposition.split(';').map(str::trim);
        fields.find_map(|field| Some(field.strip_prefix(name)?.trim_matches('"').to_owned()))
    };
    Some(Part { name: field("name=")?, filename: field("filename="), content })
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_taken_apart_and_half_a_form_is_none() {
        let body = "--x1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--x1\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a b.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n\r\n--x\r\n\0\r\n--x1--\r\n";
        let found = parts("multipart/form-data; boundary=\"x1\"", body.as_bytes()).unwrap();
        let contents: Vec<&str> = found.iter().map(|part| &body[part.content.clone()]).collect();
        assert_eq!(contents, ["whisper", "\r\n--x\r\n\0"]);
        assert_eq!((found[0].name.as_str(), found[1].filename.as_deref()), ("model", Some("a b.mp3")));
        for cut in 0..body.len() - 4 {
            assert_eq!(parts("multipart/form-data; boundary=x1", &body.as_bytes()[..cut]), None, "{cut}");
        }
        assert_eq!(parts("application/json", body.as_bytes()), None);
    }
}
