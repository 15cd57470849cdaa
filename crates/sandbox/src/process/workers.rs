//! Threads for work that blocks: making processes and doing away with them.
//!
//! They live as long as their owner, which matters for the ones that make processes: the kernel ends an environment
//! when the *thread* that started it ends (`PR_SET_PDEATHSIG`), so a pool that lets idle threads go would kill it.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

type Job = Box<dyn FnOnce() + Send>;

/// Dropping it waits for all that was asked of it.
#[derive(Debug)]
pub(super) struct Workers {
    jobs: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(super) fn new(name: &str, count: usize) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..count)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::Builder::new().name(name.into()).spawn(move || work(&queue))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { jobs: Some(jobs), threads })
    }

    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            // The threads outlive the sender, so there is always somebody to take it.
            let _ = jobs.send(Box::new(job));
        }
    }
}

fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(mpsc::RecvError) => return,
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        drop(self.jobs.take());
        for thread in self.threads.drain(..) {
            // The last owner may be a job.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
