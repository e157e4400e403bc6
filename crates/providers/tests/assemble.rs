//! Streams put together against the answers that the same provider gives without a stream, compared field by field.
//! Pairs lie under `golden/pairs`: `API.NAME.sse` and `API.NAME.json`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use paceline_providers::{Assembler, NotWhole, assemblable, scan};
use paceline_types::Api;
use proptest::prelude::*;
use serde_json::Value;

fn api_of(name: &str) -> Api {
    Api::ALL.into_iter().find(|api| name.starts_with(&format!("{}.", api.name()))).unwrap()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sse"));
    paths.sort();
    paths
}

fn pairs() -> Vec<(String, Api, Vec<u8>, Value)> {
    let pair = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let whole = serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        (name.clone(), api_of(&name), std::fs::read(path).unwrap(), whole)
    };
    files("pairs").into_iter().map(pair).collect()
}

fn assemble<'a>(api: Api, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Value, NotWhole> {
    let mut assembler = Assembler::new(api);
    pieces.into_iter().for_each(|piece| assembler.push(piece));
    assembler.finish().map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn every_pair_agrees_field_by_field() {
    let pairs = pairs();
    assert!(pairs.len() >= 10, "the corpus has shrunk to {}", pairs.len());
    for (name, api, stream, whole) in pairs {
        assert_eq!(assemble(api, [&*stream]), Ok(whole), "{name}");
    }
}

#[test]
fn every_cut_of_every_pair_is_told() {
    for (name, api, stream, _) in pairs() {
        let text = std::str::from_utf8(&stream).unwrap();
        let body = text.trim_end();
        let end = body.rfind("\n\n").unwrap_or(0);
        for at in (0..end).step_by(7) {
            let cut = assemble(api, [&stream[..at]]);
            assert!(cut.is_err(), "{name} cut at {at}: {cut:?}");
        }
    }
}

#[test]
fn no_stream_of_the_other_corpus_is_put_together_wrongly() {
    for path in files("streams") {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let whole = assemble(api_of(&name), [&*std::fs::read(&path).unwrap()]);
        let broken = ["error", "failed", "two-choices", "audio", "no-terminal"].iter().any(|word| name.contains(word));
        assert_eq!(whole.is_err(), broken, "{name}: {whole:?}");
    }
}

#[test]
fn what_is_not_proven_is_not_assembled() {
    let proven = |api, body: &str| assemblable(api, &scan(api, body.as_bytes()).unwrap(), body.as_bytes());
    assert!(proven(Api::Chat, r#"{"messages":[],"n":1,"logprobs":false,"store":null,"tools":[{}]}"#));
    for (api, body) in [
        (Api::Chat, r#"{"n":2}"#),
        (Api::Chat, r#"{"logprobs":true}"#),
        (Api::Chat, r#"{"modalities":["text","audio"]}"#),
        (Api::Chat, r#"{"store":true}"#),
        (Api::Completions, r#"{"echo":true}"#),
        (Api::Responses, r#"{"background":true}"#),
        (Api::Chat, r#"{"a_feature_to_come":1}"#),
        (Api::Embeddings, "{}"),
        (Api::CountTokens, "{}"),
    ] {
        assert!(!proven(api, body), "{body}");
    }
}

proptest! {
    #[test]
    fn cuts_do_not_matter(pair in any::<prop::sample::Index>(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let (name, api, stream, whole) = { let mut pairs = pairs(); let at = pair.index(pairs.len()); pairs.swap_remove(at) };
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let pieces = at.windows(2).map(|edge| &stream[edge[0]..edge[1]]);
        prop_assert_eq!(assemble(api, pieces), Ok(whole), "{}", name);
    }
}
