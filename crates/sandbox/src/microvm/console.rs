//! What a monitor and its machine's kernel write, of which the end is kept: it says why a machine did not come to be.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use sonagi_model::limits;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The last [`limits::MICROVM_CONSOLE_SIZE`] bytes.
#[derive(Debug, Clone, Default)]
pub struct Console(Arc<Mutex<VecDeque<u8>>>);

impl Console {
    /// Reads to the end, whatever is written.
    pub fn follow(&self, mut from: impl AsyncRead + Unpin + Send + 'static) {
        let kept = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut buffer = [0; 4_096];
            while let Ok(size @ 1..) = from.read(&mut buffer).await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&buffer[..size]);
                let over = kept.len().saturating_sub(limits::MICROVM_CONSOLE_SIZE);
                kept.drain(..over);
            }
        });
    }

    /// The last lines, without what a terminal would not show.
    pub fn last_words(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        let text: String = String::from_utf8_lossy(&bytes)
            .chars()
            .map(|character| if character == '\n' || !character.is_control() { character } else { ' ' })
            .collect();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let from = lines.len().saturating_sub(limits::MICROVM_CONSOLE_LINES);
        if lines.is_empty() { "it said nothing".into() } else { lines[from..].join("; ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_is_kept_and_no_more() {
        let console = Console::default();
        assert_eq!(console.last_words(), "it said nothing");
        let mut long = vec![b'x'; 3 * limits::MICROVM_CONSOLE_SIZE];
        long.extend_from_slice(b"\n\x1b[31mKernel panic\r\n\nthe end\n");
        console.follow(std::io::Cursor::new(long));
        while !console.last_words().ends_with("the end") {
            tokio::task::yield_now().await;
        }
        assert!(console.last_words().ends_with("[31mKernel panic; the end"), "{}", console.last_words());
        assert!(console.last_words().len() <= limits::MICROVM_CONSOLE_SIZE + 10);
    }
}
