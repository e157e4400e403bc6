//! Whole answers under `golden/answers` against snapshots, and the ways round large or odd ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use paceline_providers::{AnswerFacts, Finish, read_answer};
use paceline_types::{Api, Tokens};
use proptest::prelude::*;

fn golden() -> Vec<(String, Api, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/answers");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let api = Api::ALL.into_iter().find(|api| name.starts_with(&format!("{}.", api.name()))).unwrap();
            (name, api, Bytes::from(std::fs::read(path).unwrap()))
        })
        .collect()
}

#[test]
fn facts_are_those_of_the_golden_answers() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("golden/answers");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, api, body) in golden() {
        let facts = read_answer(api, std::slice::from_ref(&body));
        settings.bind(|| insta::assert_debug_snapshot!(name, facts));
    }
}

#[test]
fn an_answer_in_any_parts_says_the_same() {
    for (name, api, body) in golden() {
        let whole = read_answer(api, std::slice::from_ref(&body));
        for cut in 0..=body.len() {
            assert_eq!(read_answer(api, &[body.slice(..cut), body.slice(cut..)]), whole, "{name} cut at {cut}");
        }
    }
}

#[test]
fn large_embeddings_are_read_off_their_ends() {
    let mut vectors = String::new();
    for index in 0..64 {
        let numbers = "-0.0093273,".repeat(1535);
        write!(vectors, r#"{{"object":"embedding","index":{index},"embedding":[{numbers}0.5]}},"#).unwrap();
    }
    let vectors = vectors.trim_end_matches(',');
    let usage = r#""usage":{"prompt_tokens":512,"total_tokens":512}"#;
    let openai = format!(r#"{{"object":"list","data":[{vectors}],"model":"e-1",{usage}}}"#);
    let vllm = format!(r#"{{"id":"embd-1","model":"e-1","data":[{vectors}],{usage}}}"#);
    let front = format!(r#"{{{usage},"model":"e-1","data":[{vectors}]}}"#);
    for body in [openai, vllm, front] {
        let parts: Vec<Bytes> = body.as_bytes().chunks(16_000).map(Bytes::copy_from_slice).collect();
        let facts = read_answer(Api::Embeddings, &parts);
        assert_eq!(facts.usage, Some(Tokens { input: 512, ..Tokens::default() }));
        assert_eq!(facts.model_served.as_deref(), Some("e-1"));
    }
}

#[test]
fn a_cut_answer_keeps_what_came_before_the_cut() {
    let body = br#"{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":4},"choices":[{"message":{"conte"#;
    let facts = read_answer(Api::Chat, &[Bytes::from_static(body)]);
    assert_eq!(facts.usage, Some(Tokens { input: 3, output: 4, ..Tokens::default() }));
    assert_eq!(facts.finish, Finish::None);
}

#[test]
fn what_is_no_answer_says_nothing() {
    for body in ["", "[]", "null", "<html>", "{\"usage\":[]}", "{\"usage\":null}", "{\"usage\":{}}", "{\"choices\":{}}"]
    {
        for api in Api::ALL {
            assert_eq!(read_answer(api, &[Bytes::from(body)]), AnswerFacts::default(), "{body}");
        }
    }
    assert_eq!(read_answer(Api::Chat, &[]), AnswerFacts::default());
}

#[test]
fn counts_too_large_are_cut_and_odd_ones_left_out() {
    let body = br#"{"usage":{"prompt_tokens":99999999999,"completion_tokens":-4,"prompt_tokens_details":7}}"#;
    let usage = read_answer(Api::Chat, &[Bytes::from_static(body)]).usage;
    assert_eq!(usage, Some(Tokens { input: u32::MAX, ..Tokens::default() }));
}

proptest! {
    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(prop_oneof![any::<u8>(), proptest::sample::select(b"{}[],:\"\\".to_vec())], 0..200)) {
        for api in Api::ALL {
            let _ = read_answer(api, &[Bytes::from([b"{\"usage\":", noise.as_slice()].concat())]);
        }
    }
}
