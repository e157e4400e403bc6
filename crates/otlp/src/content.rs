//! The text of a request and its answer as the conventions have messages, for those spans that may carry it: roles, text,
//! calls of tools. Bounded; what is not understood is left out, never sent raw.

use paceline_providers::Assembler;
use paceline_types::Api;
use serde_json::{Map, Value, json};

use crate::attributes::Attributes;
use crate::names as n;
use crate::trace::Captured;

/// Messages and their parts of one side.
const PARTS_MAX: usize = 1024;

/// Puts both sides' text among the attributes.
pub(crate) fn put(to: &mut Attributes, api: Api, captured: &Captured) {
    let mut cut = captured.cut;
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    if let Some(request) = read(&captured.request) {
        let mut room = Room::new(captured);
        let system = system(&request, &mut room);
        let messages = asked(api, &request, &mut room);
        cut |= room.cut;
        if !system.is_empty() {
            to.text(n::SYSTEM_INSTRUCTIONS, &Value::from(system).to_string());
        }
        to.text(n::INPUT_MESSAGES, &Value::from(messages).to_string());
    }
    if let Some(answer) = whole(api, captured).as_deref().and_then(read) {
        let mut room = Room::new(captured);
        let messages = answered(api, &answer, &mut room);
        cut |= room.cut;
        to.text(n::OUTPUT_MESSAGES, &Value::from(messages).to_string());
    }
    if cut {
        to.bool(n::CAPTURE_CUT, true);
    }
}

/// The answer as it would be without a stream; none of one that broke off.
fn whole(api: Api, captured: &Captured) -> Option<Vec<u8>> {
    let answer = &captured.answer;
    if answer.trim_ascii_start().first() == Some(&b'{') {
        return Some(answer.clone());
    }
    if !api.generates() || answer.is_empty() {
        return None;
    }
    let mut assembler = Assembler::new(api);
    assembler.push(answer);
    Some(assembler.finish().ok()?.to_vec())
}

/// What is left of the bounds on one side: of its text, in which names and identifiers count too, and of its parts.
struct Room {
    left: usize,
    parts_left: usize,
    cut: bool,
}

impl Room {
    fn new(captured: &Captured) -> Self {
        Self { left: captured.bytes_max, parts_left: PARTS_MAX, cut: false }
    }

    /// These, as long as there is room for one more.
    fn each<'a>(&mut self, all: &'a [Value], mut make: impl FnMut(&'a Value, &mut Self) -> Value) -> Vec<Value> {
        let mut made = Vec::new();
        for one in all {
            if self.parts_left == 0 || self.left == 0 {
                self.cut = true;
                break;
            }
            self.parts_left -= 1;
            made.push(make(one, self));
        }
        made
    }

    /// The text of a field; null where there is none.
    fn name(&mut self, value: Option<&Value>) -> Value {
        value.and_then(Value::as_str).map(|text| self.take(text)).into()
    }

    fn take(&mut self, text: &str) -> String {
        let mut end = text.len().min(self.left);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.cut |= end < text.len();
        self.left -= end;
        text[..end].to_owned()
    }

    fn part(&mut self, text: &str) -> Value {
        json!({"type": "text", "content": self.take(text)})
    }
}

/// Instructions that stand beside the messages: Anthropic's `system`, Responses' `instructions`.
fn system(request: &Value, room: &mut Room) -> Vec<Value> {
    let written = request.get("system").or_else(|| request.get("instructions"));
    written.map(|written| parts(written, room)).unwrap_or_default()
}

fn asked(api: Api, request: &Value, room: &mut Room) -> Vec<Value> {
    let field = match api {
        Api::Chat | Api::Messages | Api::CountTokens => "messages",
        Api::Responses | Api::Embeddings => "input",
        Api::Completions => "prompt",
        Api::Models | Api::Passthrough => return Vec::new(),
    };
    match request.get(field) {
        Some(Value::Array(all)) if all.iter().all(Value::is_object) => {
            room.each(all, |message, room| of_message(message, "user", room))
        }
        Some(text) => vec![json!({"role": "user", "parts": parts(text, room)})],
        None => Vec::new(),
    }
}

fn answered(api: Api, answer: &Value, room: &mut Room) -> Vec<Value> {
    let list = |field: &str| answer.get(field).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match api {
        Api::Messages => {
            let content = parts(answer.get("content").unwrap_or(&Value::Null), room);
            let reason = room.name(answer.get("stop_reason"));
            vec![json!({"role": "assistant", "parts": content, "finish_reason": reason})]
        }
        Api::Responses => room.each(list("output"), |item, room| of_message(item, "assistant", room)),
        _ => {
            let one = |choice: &Value, room: &mut Room| {
                let mut message = match choice.get("message") {
                    Some(message) => of_message(message, "assistant", room),
                    None => {
                        json!({"role": "assistant", "parts": parts(choice.get("text").unwrap_or(&Value::Null), room)})
                    }
                };
                message["finish_reason"] = room.name(choice.get("finish_reason"));
                message
            };
            room.each(list("choices"), one)
        }
    }
}

/// One message of any dialect: its role, its content, its calls of tools.
fn of_message(message: &Value, usual: &str, room: &mut Room) -> Value {
    let role = room.take(message.get("role").and_then(Value::as_str).unwrap_or(usual));
    let mut all = match message.get("content") {
        Some(content) if role == "tool" => {
            vec![response_part(message.get("tool_call_id"), content, room)]
        }
        Some(content) => parts(content, room),
        // Items of Responses that are no messages: calls, their results, reasoning.
        None => vec![of_block(message, room)],
    };
    let calls = message.get("tool_calls").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    all.extend(room.each(calls, |call, room| {
        let function = call.get("function").unwrap_or(&Value::Null);
        call_part(call.get("id"), function.get("name"), function.get("arguments"), room)
    }));
    json!({"role": role, "parts": all})
}

/// A content: text, or a list of texts or blocks.
fn parts(content: &Value, room: &mut Room) -> Vec<Value> {
    match content {
        Value::String(text) => vec![room.part(text)],
        Value::Array(blocks) => room.each(blocks, of_block),
        _ => Vec::new(),
    }
}

fn of_block(block: &Value, room: &mut Room) -> Value {
    if let Value::String(text) = block {
        return room.part(text);
    }
    let kind = block.get("type").and_then(Value::as_str).unwrap_or("unknown");
    match kind {
        "text" | "input_text" | "output_text" => {
            room.part(block.get("text").and_then(Value::as_str).unwrap_or_default())
        }
        "tool_use" => call_part(block.get("id"), block.get("name"), block.get("input"), room),
        "function_call" => call_part(block.get("call_id"), block.get("name"), block.get("arguments"), room),
        "tool_result" | "function_call_output" => {
            let id = block.get("tool_use_id").or_else(|| block.get("call_id"));
            let said = block.get("content").or_else(|| block.get("output")).unwrap_or(&Value::Null);
            response_part(id, said, room)
        }
        // Images, audio, reasoning: that they were there, not what they held.
        other => json!({"type": room.take(other)}),
    }
}

fn call_part(id: Option<&Value>, name: Option<&Value>, arguments: Option<&Value>, room: &mut Room) -> Value {
    let mut part = Map::new();
    part.insert("type".into(), "tool_call".into());
    part.insert("id".into(), room.name(id));
    part.insert("name".into(), room.name(name));
    part.insert("arguments".into(), arguments.map(|arguments| room.take(&text_of(arguments))).into());
    Value::Object(part)
}

/// What a tool answered: its text, or its blocks as those of a message.
fn response_part(id: Option<&Value>, said: &Value, room: &mut Room) -> Value {
    let id = room.name(id);
    let response = match said {
        Value::Array(_) => Value::from(parts(said, room)),
        other => room.take(&text_of(other)).into(),
    };
    json!({"type": "tool_call_response", "id": id, "response": response})
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use paceline_plan::document::Names;

    use super::*;
    use crate::context::Context;
    use crate::messages;
    use crate::trace::Trace;

    /// The attributes of a request and its answer.
    fn attributes(api: Api, request: &str, answer: &[&str], bytes_max: u32) -> Vec<(String, String)> {
        let mut trace = Trace::new(Context::begin(None, 1.0, || 3), 5, None);
        trace.capture(9, bytes_max, &Bytes::copy_from_slice(request.as_bytes()));
        answer.iter().for_each(|part| trace.answer(&Bytes::copy_from_slice(part.as_bytes())));
        let mut to = Attributes::new(Names::New);
        if let Some(captured) = &trace.captured {
            put(&mut to, api, captured);
        }
        let text = |value: Option<messages::AnyValue>| match value.and_then(|value| value.value) {
            Some(messages::Value::Text(text)) => text,
            Some(messages::Value::Bool(truth)) => truth.to_string(),
            other => format!("{other:?}"),
        };
        to.list.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_chat_with_tools_is_read_on_both_sides() {
        let request = r#"{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":[{"type":"text",
            "text":"weather?"},{"type":"image_url","image_url":{"url":"data:secret"}}]},{"role":"tool","tool_call_id":"c1",
            "content":"rain"}]}"#;
        let answer = r#"{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c2","type":
            "function","function":{"name":"look","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
        let input = concat!(
            r#"[{"parts":[{"content":"be kind","type":"text"}],"role":"system"},"#,
            r#"{"parts":[{"content":"weather?","type":"text"},{"type":"image_url"}],"role":"user"},"#,
            r#"{"parts":[{"id":"c1","response":"rain","type":"tool_call_response"}],"role":"tool"}]"#
        );
        let output = concat!(
            r#"[{"finish_reason":"tool_calls","parts":[{"arguments":"{}","id":"c2","name":"look","type":"tool_call"}],"#,
            r#""role":"assistant"}]"#
        );
        let found = attributes(Api::Chat, request, &[answer], 1000);
        assert_eq!(found, [pair("gen_ai.input.messages", input), pair("gen_ai.output.messages", output)]);
    }

    #[test]
    fn a_stream_is_put_together_and_one_that_broke_off_says_nothing() {
        let whole = [
            "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"he\"}}]}\n\n",
            "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"llo\"},\"finish_reason\":\"stop\"}]}\n\n",
            "data: [DONE]\n\n",
        ];
        let found = attributes(Api::Chat, r#"{"messages":[]}"#, &whole, 1000);
        assert!(found.iter().any(|(name, text)| name == "gen_ai.output.messages" && text.contains(r#""hello""#)));
        let found = attributes(Api::Chat, r#"{"messages":[]}"#, &whole[..1], 1000);
        assert_eq!(found, [pair("gen_ai.input.messages", "[]")]);
    }

    #[test]
    fn the_other_dialects_are_read_too() {
        let messages = r#"{"system":"be brief","messages":[{"role":"user","content":"hi"}]}"#;
        let answer = r#"{"content":[{"type":"text","text":"yo"}],"stop_reason":"end_turn"}"#;
        let found = attributes(Api::Messages, messages, &[answer], 1000);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages"]);
        assert!(found[2].1.contains(r#""finish_reason":"end_turn""#) && found[2].1.contains(r#""yo""#));
        let responses = r#"{"instructions":"x","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},
            {"type":"function_call_output","call_id":"c","output":"42"}]}"#;
        let answer = r#"{"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"so"}]},
            {"type":"function_call","call_id":"d","name":"f","arguments":"{}"}]}"#;
        let found = attributes(Api::Responses, responses, &[answer], 1000);
        assert!(found[1].1.contains(r#""hi""#) && found[1].1.contains(r#""response":"42""#), "{found:?}");
        assert!(found[2].1.contains(r#""so""#) && found[2].1.contains(r#""name":"f""#), "{found:?}");
        let found = attributes(Api::Completions, r#"{"prompt":"once"}"#, &[r#"{"choices":[{"text":"upon"}]}"#], 1000);
        assert!(found[0].1.contains("once") && found[1].1.contains("upon"));
        let found = attributes(Api::Embeddings, r#"{"input":["a","b"]}"#, &[], 1000);
        assert!(found[0].1.contains(r#""b""#));
    }

    #[test]
    fn text_is_cut_at_the_bound_on_whole_characters_and_says_so() {
        let found = attributes(Api::Chat, r#"{"messages":[{"role":"user","content":"grüße"}]}"#, &[], 7);
        assert!(found[0].1.contains(r#""gr""#), "{found:?}");
        assert_eq!(found[1], pair("paceline.capture.cut", "true"));
    }

    #[test]
    fn what_tools_answer_is_text_and_an_image_in_it_is_only_named() {
        let request = r#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[
            {"type":"text","text":"seen"},{"type":"image","source":{"data":"base64"}}]}]}]}"#;
        let found = attributes(Api::Messages, request, &[], 1000);
        let response = r#""response":[{"content":"seen","type":"text"},{"type":"image"}]"#;
        assert!(found[0].1.contains(response) && !found[0].1.contains("base64"), "{found:?}");
    }

    #[test]
    fn neither_names_nor_the_number_of_parts_get_around_the_bound() {
        let long = "x".repeat(50_000);
        for request in [
            format!(r#"{{"messages":[{{"role":"{long}","content":"{long}"}}]}}"#),
            format!(r#"{{"messages":[{{"content":[{{"type":"{long}"}},{{"type":"tool_use","id":"{long}"}}]}}]}}"#),
            format!(r#"{{"messages":[{{"role":"tool","tool_call_id":["{long}"],"content":{{"a":"{long}"}}}}]}}"#),
            format!(r#"{{"messages":[{}{{}}]}}"#, r#"{"content":""},"#.repeat(5000)),
            format!(r#"{{"messages":[{{"content":["{}"]}}]}}"#, r#"",""#.repeat(5000)),
        ] {
            let found = attributes(Api::Chat, &request, &[], 100);
            assert!(found[0].1.len() < 40 * PARTS_MAX, "{} {}", found[0].1.len(), &found[0].1[..300]);
            assert_eq!(found[1], pair("paceline.capture.cut", "true"));
        }
        let many = format!(r#"{{"messages":[{}{{}}]}}"#, r#"{"content":""},"#.repeat(5000));
        let found = attributes(Api::Chat, &many, &[], 100_000);
        assert_eq!(found[0].1.matches("role").count(), PARTS_MAX);
        assert_eq!(found[1], pair("paceline.capture.cut", "true"));
    }

    #[test]
    fn what_is_not_understood_is_not_sent() {
        assert!(attributes(Api::Chat, "not json", &["nor this"], 1000).is_empty());
        assert!(attributes(Api::Passthrough, r#"{"a":"secret"}"#, &[], 1000)[0].1 == "[]");
    }
}
