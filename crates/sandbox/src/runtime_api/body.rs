//! A request's body, decoded as it comes: of a known size, or in chunks with trailers after them (RFC 9112, 7.1).

use bytes::{Buf, Bytes, BytesMut};
use sonagi_model::limits;

use super::head::{Length, Malformed};

/// Bytes of the line before a chunk.
const CHUNK_LINE_SIZE: usize = 256;
/// Header lines after the last chunk.
const TRAILERS: usize = 16;

/// Where in a body we are.
#[derive(Debug)]
pub(crate) struct Body(State);

#[derive(Debug)]
enum State {
    Sized { left: u64 },
    ChunkLine,
    Chunk { left: u64 },
    ChunkEnd,
    Trailers,
    Done,
}

/// What came of a look at the buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Data(Bytes),
    /// The buffer holds nothing more of the body: read on.
    Starved,
    End(Trailers),
}

/// What a stream's end says about an error in it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Trailers {
    /// `Lambda-Runtime-Function-Error-Type`
    pub(crate) error_type: Option<String>,
    /// `Lambda-Runtime-Function-Error-Body`, as sent: base64.
    pub(crate) error_body: Option<Vec<u8>>,
}

impl Body {
    pub(crate) fn new(length: Length) -> Self {
        Self(match length {
            Length::Sized(left) => State::Sized { left },
            Length::Chunked => State::ChunkLine,
        })
    }

    /// Takes the next part of the body off the buffer's front.
    pub(super) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Part, Malformed> {
        loop {
            match &mut self.0 {
                State::Done | State::Sized { left: 0 } => {
                    self.0 = State::Done;
                    return Ok(Part::End(Trailers::default()));
                }
                State::Sized { left } => return Ok(take(left, buffer)),
                State::Chunk { left: 0 } => self.0 = State::ChunkEnd,
                State::Chunk { left } => return Ok(take(left, buffer)),
                State::ChunkLine => {
                    let Some(line) = line(buffer, CHUNK_LINE_SIZE)? else { return Ok(Part::Starved) };
                    self.0 = match chunk_size(&line)? {
                        0 => State::Trailers,
                        left => State::Chunk { left },
                    };
                }
                State::ChunkEnd => {
                    if buffer.len() < 2 {
                        return Ok(Part::Starved);
                    }
                    if &buffer[..2] != b"\r\n" {
                        return Err(Malformed);
                    }
                    buffer.advance(2);
                    self.0 = State::ChunkLine;
                }
                State::Trailers => {
                    let Some(trailers) = trailers(buffer)? else { return Ok(Part::Starved) };
                    self.0 = State::Done;
                    return Ok(Part::End(trailers));
                }
            }
        }
    }
}

fn take(left: &mut u64, buffer: &mut BytesMut) -> Part {
    if buffer.is_empty() {
        return Part::Starved;
    }
    let size = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    *left -= size as u64;
    Part::Data(buffer.split_to(size).freeze())
}

/// A line without its end, if the buffer holds a whole one.
fn line(buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, Malformed> {
    let window = &buffer[..buffer.len().min(limit)];
    match window.windows(2).position(|two| two == b"\r\n") {
        Some(end) => {
            let line = buffer.split_to(end).freeze();
            buffer.advance(2);
            Ok(Some(line))
        }
        None if buffer.len() >= limit => Err(Malformed),
        None => Ok(None),
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, Malformed> {
    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    // Fifteen digits are a petabyte, and cannot overflow.
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Malformed);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    u64::from_str_radix(digits, 16).map_err(|_| Malformed)
}

fn trailers(buffer: &mut BytesMut) -> Result<Option<Trailers>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; TRAILERS];
    let window = &buffer[..buffer.len().min(limits::RUNTIME_TRAILERS_SIZE)];
    match httparse::parse_headers(window, &mut headers) {
        Ok(httparse::Status::Complete((size, headers))) => {
            let mut found = Trailers::default();
            for header in headers {
                if header.name.eq_ignore_ascii_case("lambda-runtime-function-error-type") {
                    found.error_type = Some(String::from_utf8_lossy(header.value).into_owned());
                } else if header.name.eq_ignore_ascii_case("lambda-runtime-function-error-body") {
                    found.error_body = Some(header.value.to_vec());
                }
            }
            buffer.advance(size);
            Ok(Some(found))
        }
        Ok(httparse::Status::Partial) if buffer.len() < limits::RUNTIME_TRAILERS_SIZE => Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `wire` in pieces that end at `cuts` and collects the body.
    fn decode(
        length: Length,
        wire: &[u8],
        cuts: &[usize],
    ) -> Result<Option<(Vec<u8>, Trailers, usize)>, Malformed> {
        let mut cuts: Vec<usize> =
            cuts.iter().map(|cut| cut % (wire.len() + 1)).chain([wire.len()]).collect();
        cuts.sort_unstable();
        let (mut body, mut buffer, mut data, mut fed) = (Body::new(length), BytesMut::new(), Vec::new(), 0);
        for cut in cuts {
            buffer.extend_from_slice(&wire[fed..cut]);
            fed = cut;
            loop {
                match body.decode(&mut buffer)? {
                    Part::Data(part) => data.extend_from_slice(&part),
                    Part::Starved => break,
                    Part::End(trailers) => {
                        return Ok(Some((data, trailers, wire.len() - fed + buffer.len())));
                    }
                }
            }
        }
        Ok(None)
    }

    fn encode(chunks: &[Vec<u8>], trailer: &str) -> Vec<u8> {
        let mut wire = Vec::new();
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            wire.extend_from_slice(format!("{:x};why=not\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
        wire
    }

    #[test]
    fn trailers_tell_of_an_error() {
        let wire = encode(
            &[b"abc".to_vec()],
            "Lambda-Runtime-Function-Error-Type: E\r\nlambda-runtime-function-error-body: e30=\r\n",
        );
        let (data, trailers, _) = decode(Length::Chunked, &wire, &[]).unwrap().unwrap();
        assert_eq!(data, b"abc");
        assert_eq!(trailers.error_type.as_deref(), Some("E"));
        assert_eq!(trailers.error_body.as_deref(), Some(&b"e30="[..]));
    }

    #[test]
    fn wrong_chunks_are_refused() {
        for wrong in ["\r\n", "g\r\n", "-1\r\n", "1\r\nabc", "fffffffffffffffff\r\n", "1 1\r\n"] {
            assert_eq!(decode(Length::Chunked, wrong.as_bytes(), &[]), Err(Malformed), "{wrong:?}");
        }
        let long = format!("1;{}", "x".repeat(CHUNK_LINE_SIZE));
        assert_eq!(decode(Length::Chunked, long.as_bytes(), &[]), Err(Malformed));
        let long = format!("0\r\nx: {}", "y".repeat(limits::RUNTIME_TRAILERS_SIZE));
        assert_eq!(decode(Length::Chunked, long.as_bytes(), &[]), Err(Malformed));
    }

    proptest! {
        #[test]
        fn chunks_are_put_together_however_they_arrive(
            chunks: Vec<Vec<u8>>, cuts: Vec<usize>, rest in prop::collection::vec(any::<u8>(), 0..20)
        ) {
            let mut wire = encode(&chunks, "");
            let body_size = wire.len();
            wire.extend_from_slice(&rest);
            let (data, trailers, left) = decode(Length::Chunked, &wire, &cuts).unwrap().unwrap();
            prop_assert_eq!(data, chunks.concat());
            prop_assert_eq!(trailers, Trailers::default());
            prop_assert_eq!(left, wire.len() - body_size);
        }

        #[test]
        fn a_sized_body_ends_where_it_says(data: Vec<u8>, cuts: Vec<usize>, rest: Vec<u8>) {
            let wire = [data.as_slice(), rest.as_slice()].concat();
            let (got, _, left) = decode(Length::Sized(data.len() as u64), &wire, &cuts).unwrap().unwrap();
            prop_assert_eq!(got, data);
            prop_assert_eq!(left, rest.len());
        }

        #[test]
        fn garbage_is_refused_without_a_panic(garbage: Vec<u8>, cuts: Vec<usize>) {
            let _ = decode(Length::Chunked, &garbage, &cuts);
        }
    }
}
