//! Notifications of a channel.

use std::future::poll_fn;

use tokio_postgres::{AsyncMessage, Error};

use super::Connector;

impl Connector {
    /// Listens to a channel, which is named as in SQL, until the connection ends. `heard` is called at each notification, and once
    /// at the beginning, since nobody tells what came before.
    pub async fn listen(&self, channel: &'static str, heard: impl Fn()) -> Result<(), Error> {
        let (client, mut connection) = self.config.connect(self.tls.clone()).await?;
        let begun = async {
            client.batch_execute(&format!("LISTEN {channel}")).await?;
            heard();
            Ok(())
        };
        let driven = async {
            while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(_) = message? {
                    heard();
                }
            }
            Ok(())
        };
        tokio::try_join!(begun, driven).map(|_| ())
    }
}
