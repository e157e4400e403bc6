//! Prints what the scanner and the watch cost: `cargo run --release -p paceline-providers --example speed`.
//! The best of many rounds, since a shared machine only ever adds time.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use paceline_providers::{StreamWatch, scan};
use paceline_types::Api;

fn best_ns(rounds: u32, per_round: u32, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..per_round {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(per_round));
    }
    best
}

fn body(text: &str) -> Vec<u8> {
    format!(
        r#"{{"model":"small","messages":[{{"role":"system","content":"You are helpful."}},{{"role":"user","content":"{text}"}}],"temperature":0.2,"stream":true,"tools":[{{"type":"function","function":{{"name":"f","parameters":{{"type":"object","properties":{{"q":{{"type":"string"}}}}}}}}}}]}}"#
    )
    .into_bytes()
}

fn filled(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

fn scans() {
    let newline = format!("{}\\n", "x".repeat(78));
    for (name, text) in [
        ("0.6 KB", filled("some words ", 360)),
        ("400 KB, plain", filled("some words ", 400_000)),
        ("400 KB, a newline every 80 bytes", filled(&newline, 400_000)),
        ("400 KB, a newline every 30 bytes", filled(&newline[50..], 400_000)),
        ("400 KB, an escaped quote every 12 bytes", filled(r#"key: value\""#, 400_000)),
        ("400 KB, two-byte letters", filled("\u{e4}\u{f6}\u{fc} ", 400_000)),
    ] {
        let body = body(&text);
        let per_round = if body.len() < 10_000 { 2_000 } else { 20 };
        let whole = best_ns(200, per_round, || drop(black_box(scan(Api::Chat, black_box(&body)))));
        let utf8 = best_ns(200, per_round, || assert!(std::str::from_utf8(black_box(&body)).is_ok()));
        println!("scan {name:<42} {whole:>10.0} ns  (UTF-8 check {utf8:.0} ns)");
    }
}

fn events(name: &str, api: Api, withhold: bool, event: impl Fn(usize) -> String) {
    let chunks: Vec<Bytes> = (0..64).map(|index| Bytes::from(event(index))).collect();
    let mut watch = StreamWatch::new(api, withhold);
    let mut now = 0;
    let ns = best_ns(200, 50, || {
        for chunk in &chunks {
            now += 1;
            drop(black_box(watch.push(chunk.clone(), now)));
        }
    });
    assert!(watch.facts().events > 0);
    println!("event {name:<41} {:>10.1} ns", ns / 64.0);
}

fn chat(middle: &str, end: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-C1a2b3\",\"object\":\"chat.completion.chunk\",\"created\":1763870000,\
         \"model\":\"gpt-5.4-mini-2026-03-01\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_560af6e559\",\
         \"choices\":[{{\"index\":0,\"delta\":{{{middle}}},\"logprobs\":null,\"finish_reason\":null}}],{end}}}\n\n"
    )
}

fn main() {
    scans();
    let plain = |_: usize| chat(r#""content":" word""#, r#""usage":null"#);
    let padded =
        |n: usize| chat(r#""content":" word""#, &format!(r#""usage":null,"obfuscation":"{}""#, "Ab3".repeat(n % 5)));
    let clocked = |n: usize| plain(n).replace("1763870000", &format!("17638{n:05}"));
    let counted = |n: usize| {
        let usage = format!(r#""usage":{{"prompt_tokens":12,"total_tokens":{},"completion_tokens":{n}}}"#, n + 12);
        chat(r#""content":" word","reasoning_content":null"#, &usage)
    };
    events("chat", Api::Chat, false, plain);
    events("chat, withholding usage", Api::Chat, true, plain);
    events("chat, padded", Api::Chat, false, padded);
    events("chat, other surroundings each time", Api::Chat, false, clocked);
    events("chat, usage on every chunk", Api::Chat, false, counted);
    events("messages", Api::Messages, false, |_| {
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" word\"}}\n\n".to_owned()
    });
    events("responses", Api::Responses, false, |n| {
        format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"sequence_number\":{n},\
             \"item_id\":\"msg_68a1\",\"output_index\":0,\"content_index\":0,\"delta\":\" word\",\"logprobs\":[],\"obfuscation\":\"aB3\"}}\n\n"
        )
    });
}
