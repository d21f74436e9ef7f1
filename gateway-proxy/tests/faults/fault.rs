//! What can go wrong with a backend, and what the proxy makes of it.

/// What a backend does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Answers, and keeps the connection.
    None,
    /// Answers and says that it closes the connection.
    Goodbye,
    /// Answers and closes the connection without a word.
    CloseAfter,
    /// Answers, and closes the connection when the next request comes on it.
    CloseUnderNext,
    /// Answers octet by octet.
    Trickle,
    /// Answers with more octets than it said, which look like another answer.
    Long,
    /// Closes a connection before anything came on it.
    CloseOnAccept,
    /// Resets it.
    ResetOnAccept,
    /// Ends before an answer: the connection, or in HTTP/2 all that are under way on it.
    CloseBeforeHead,
    /// Breaks off before an answer: the connection, or in HTTP/2 the stream.
    ResetBeforeHead,
    CloseInHead,
    ResetInHead,
    /// Ends before as many octets came as it said.
    Short,
    /// Breaks off within the body: the connection, or in HTTP/2 the stream.
    ResetInBody,
    /// Ends within chunks.
    ShortChunks,
    /// Sends a chunk whose size is no number.
    BrokenChunk,
    /// Never answers.
    Hang,
    /// Never goes on within a body.
    HangInBody,
    /// Answers with what is not HTTP.
    Garbage,
    /// Says in two ways where its answer ends.
    Ambiguous,
    /// Sends a head without an end.
    EndlessHead,
    /// Sends answers that announce the real one, and never that.
    Informational,
    /// Refuses to look at the request (HTTP/2).
    Refuse,
    /// Answers what it has, and takes no more on this connection (HTTP/2).
    GoAway,
}

/// What comes of it, where there is no other endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Result {
    /// The answer, whole.
    Whole,
    /// A head, and a body that breaks off.
    Broken,
    /// A status of the proxy's own, and the words for it in logs and metrics: one of these.
    Failed(u16, &'static [&'static str]),
}

impl Fault {
    /// What a backend of HTTP/1.1 can do.
    pub const HTTP1: [Self; 22] = [
        Self::None,
        Self::Goodbye,
        Self::CloseAfter,
        Self::CloseUnderNext,
        Self::Trickle,
        Self::Long,
        Self::CloseOnAccept,
        Self::ResetOnAccept,
        Self::CloseBeforeHead,
        Self::ResetBeforeHead,
        Self::CloseInHead,
        Self::ResetInHead,
        Self::Short,
        Self::ResetInBody,
        Self::ShortChunks,
        Self::BrokenChunk,
        Self::Hang,
        Self::HangInBody,
        Self::Garbage,
        Self::Ambiguous,
        Self::EndlessHead,
        Self::Informational,
    ];

    /// What a backend of HTTP/2 can do, request by request.
    pub const HTTP2: [Self; 8] = [
        Self::None,
        Self::CloseBeforeHead,
        Self::ResetBeforeHead,
        Self::ResetInBody,
        Self::Hang,
        Self::HangInBody,
        Self::Refuse,
        Self::GoAway,
    ];

    /// What comes of it for a client, where all answers of an only backend of HTTP/1.1 are so.
    pub fn alone(self) -> Result {
        match self {
            Self::None
            | Self::Goodbye
            | Self::CloseAfter
            | Self::CloseUnderNext
            | Self::Trickle
            | Self::Long
            | Self::GoAway => Result::Whole,
            Self::CloseOnAccept
            | Self::ResetOnAccept
            | Self::CloseBeforeHead
            | Self::ResetBeforeHead => Result::Failed(502, &["disconnect", "connect"]),
            Self::CloseInHead => Result::Failed(502, &["broken_head"]),
            // What came before a reset may be lost with it.
            Self::ResetInHead => Result::Failed(502, &["broken_head", "disconnect"]),
            Self::Short
            | Self::ResetInBody
            | Self::ShortChunks
            | Self::BrokenChunk
            | Self::HangInBody => Result::Broken,
            Self::Hang => Result::Failed(504, &["timeout"]),
            Self::Garbage | Self::Ambiguous | Self::EndlessHead | Self::Informational => {
                Result::Failed(502, &["invalid_head"])
            }
            Self::Refuse => Result::Failed(502, &["connect"]),
        }
    }
}
