//! Reads the tables of `scenarios/*.md` and shows the rows that do not hold.

/// The rows of every table in a text, cells trimmed; the first row is the head, as are all like it.
fn rows(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("|---");
    let rows: Vec<Vec<String>> = text.lines().filter(is_row).map(cells).collect();
    let head = rows[0].clone();
    rows.into_iter().filter(|row| *row != head).collect()
}

/// Every row's last cell must be what is decided from the others.
pub(crate) fn check(text: &str, decide: impl Fn(&[String]) -> String) {
    let wrong: Vec<String> = rows(text)
        .iter()
        .filter_map(|row| {
            let (wanted, given) = row.split_last().unwrap();
            let decided = decide(given);
            (decided != *wanted).then(|| format!("{} -> wanted {wanted:?}, decided {decided:?}", given.join(" | ")))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The part of a text below this heading.
#[allow(dead_code)]
pub(crate) fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let begin = text.find(&format!("\n## {heading}\n")).expect("the scenario file has this heading") + 1;
    let rest = &text[begin..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}
