//! Did you mean: the known name nearest to a mistyped one, by edit distance.

/// The nearest of `known` within a third of the name's length.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 64 {
        return None;
    }
    let most = (name.chars().count() / 3).max(1);
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(far, _)| *far <= most)
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, to) in right.iter().enumerate() {
            let kept = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = kept.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

/// `a, b, c`: at most eight names, and how many more there are.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(8);
    names.truncate(8);
    let list = names.join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

/// A name as it may stand in a message or a header: printable ASCII, at most 64 characters.
pub(crate) fn shown(name: &str) -> String {
    let clean = |character: char| if character.is_ascii_graphic() || character == ' ' { character } else { '?' };
    name.chars().take(64).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::{list, nearest, shown};

    #[test]
    fn long_lists_say_how_much_they_leave_out() {
        assert_eq!(list(["a", "b"].into_iter()), "a, b");
        assert_eq!(list(["a"; 8].into_iter()), "a, a, a, a, a, a, a, a");
        assert_eq!(list(["a"; 10].into_iter()), "a, a, a, a, a, a, a, a and 2 more");
    }

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let known = ["support-chat", "triage"];
        assert_eq!(nearest("suport-chat", known.into_iter()), Some("support-chat"));
        assert_eq!(nearest("TRIAGE", known.into_iter()), None);
        assert_eq!(nearest("zebra", known.into_iter()), None);
        assert_eq!(nearest("", known.into_iter()), None);
    }

    #[test]
    fn names_from_outside_are_cut_and_cleaned() {
        assert_eq!(shown("a\r\nb\u{e9}"), "a??b?");
        assert_eq!(shown(&"x".repeat(100)).len(), 64);
    }
}
