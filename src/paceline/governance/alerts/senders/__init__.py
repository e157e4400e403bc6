"""One file a sender: each has a `send` that carries an alert, or raises `NotSentError`."""
