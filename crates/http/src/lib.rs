//! Sockets and HTTP: the server edge, the upstream half, the pool, TLS, deadlines.
