//! The word to stop, heard by everything that runs.

use tokio::sync::watch;

/// Hears when the daemon is told to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Tells everything to stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// The two ends.
pub fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Says it. Nobody listening is no error.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether it was said, for those who cannot wait.
    pub fn is_said(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is said, or until nobody can say it any more.
    pub async fn heard(&mut self) {
        drop(self.0.wait_for(|stop| *stop).await);
    }
}
