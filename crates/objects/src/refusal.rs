//! Answers of stores that refuse a request, from the texts that object_store makes of them.

/// Returns the code by which a store says why, such as `SlowDown`.
pub fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    Some(rest.split_once("</Code>")?.0)
}

/// Returns the status and the code of a refusal in place of the whole answer; other texts are returned as they are.
pub fn brief(text: String) -> String {
    let Some((_, answer)) = text.split_once("status code: ") else { return text };
    let (status, body) = answer.split_once(':').unwrap_or((answer, ""));
    match code(body).unwrap_or(body.trim()) {
        "" => format!("store answers {status}"),
        why => format!("store answers {status}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_brief() {
        for (text, short) in [
            (
                "status code: 503 Slow: <?xml v=\"1:0\"?>\n<Error><Code>SlowDown</Code><A/></Error>",
                "503 Slow: SlowDown",
            ),
            ("Server returned non-2xx status code: 500 Internal Server Error: ", "500 Internal Server Error"),
            ("status code: 502 Bad Gateway: upstream is away\n", "502 Bad Gateway: upstream is away"),
            ("status code: 400 Bad Request: <Code>cut", "400 Bad Request: <Code>cut"),
        ] {
            assert_eq!(brief(text.into()), format!("store answers {short}"));
        }
        assert_eq!(brief("connection refused".into()), "connection refused");
    }
}
