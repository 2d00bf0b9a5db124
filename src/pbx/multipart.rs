//! Forms with files in them (RFC 7578), read from memory.

/// One part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    pub name: String,
    /// It is a file of this name.
    pub file_name: Option<String>,
    pub body: &'a [u8],
}

/// Parts in one form at most.
const PARTS_MAX: usize = 64;
/// Longest boundary (RFC 2046 section 5.1.1). A longer one makes searching for it slow.
const BOUNDARY_MAX: usize = 70;

/// Whether a content type is that of a form with files.
pub fn is_form(content_type: &str) -> bool {
    const FORM: &str = "multipart/form-data";
    let kind = content_type.trim_start();
    kind.get(..FORM.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(FORM))
}

/// Splits a body into its parts.
///
/// # Errors
/// A sentence that says what of the form is wrong.
pub fn parts<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, String> {
    let boundary = parameter(content_type, "boundary").ok_or("the form names no `boundary`")?;
    if boundary.is_empty() || boundary.len() > BOUNDARY_MAX {
        return Err(format!("the form's `boundary` has not 1 to {BOUNDARY_MAX} characters"));
    }
    let mark = format!("--{boundary}");
    let mut rest = after(body, mark.as_bytes()).ok_or("the form's boundary does not occur")?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let rest_of_line = rest.strip_prefix(b"\r\n").ok_or("a boundary is not at a line's end")?;
        let end = find(rest_of_line, format!("\r\n{mark}").as_bytes());
        let end = end.ok_or("the last part of the form is not closed")?;
        parts.push(part(&rest_of_line[..end])?);
        if parts.len() > PARTS_MAX {
            return Err(format!("the form has more than {PARTS_MAX} parts"));
        }
        rest = &rest_of_line[end + 2 + mark.len()..];
    }
    Ok(parts)
}

fn part(bytes: &[u8]) -> Result<Part<'_>, String> {
    let head_end = find(bytes, b"\r\n\r\n").ok_or("a part of the form has no head")?;
    let head = String::from_utf8_lossy(&bytes[..head_end]);
    let disposition = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))
        .ok_or("a part of the form has no Content-Disposition")?;
    Ok(Part {
        name: parameter(disposition, "name").unwrap_or_default(),
        file_name: parameter(disposition, "filename"),
        body: &bytes[head_end + 4..],
    })
}

/// A parameter of a header's value, with or without quotes.
fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|piece| {
        let (key, text) = piece.trim().split_once('=')?;
        let text = text.trim().trim_matches('"');
        key.trim().eq_ignore_ascii_case(name).then(|| text.to_owned())
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn after<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    find(bytes, wanted).map(|at| &bytes[at + wanted.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=xx";

    #[test]
    fn a_form_with_a_file_is_taken_apart() {
        let body = b"--xx\r\nContent-Disposition: form-data; name=\"linkedid\"\r\n\r\n1.2\r\n\
            --xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
            Content-Type: audio/wav\r\n\r\nRI\r\nFF\r\n--xx--\r\n";
        let parts = parts(KIND, body).expect("a form");
        assert_eq!((parts[0].name.as_str(), parts[0].body), ("linkedid", b"1.2".as_slice()));
        assert_eq!(parts[1].file_name.as_deref(), Some("a.wav"));
        assert_eq!(parts[1].body, b"RI\r\nFF");
    }

    #[test]
    fn a_form_that_is_cut_says_so() {
        let cut = b"--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1.2";
        assert!(parts(KIND, cut).is_err_and(|why| why.contains("not closed")));
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        for kind in ["multipart/form-data", "multipart/form-data; boundary=", &long] {
            assert!(parts(kind, cut).is_err_and(|why| why.contains("boundary")), "{kind}");
        }
    }
}
