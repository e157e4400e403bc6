//! A case's name says all of it; and every kind of traffic has every fault that can befall its answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;

use paceline_chaos::case::{Caller, Case, Reach, Shape, Traffic};
use paceline_chaos::matrix::{APIS, Density, cases};
use paceline_chaos::wrong::{SIMPLE, Wrong};
use paceline_chaos::{Stage, expect};
use paceline_types::Api;

#[test]
fn names_read_back() {
    for name in [
        "chat.stream.cut@123.always.stays.plain",
        "responses.whole.status@503.once.leaves@0.retry",
        "messages.stream.long-stall@2.first.resets+17.hedge",
        "completions.stream+usage.gzip-cut@9.always.leaves+30.assembled",
    ] {
        assert_eq!(name.parse::<Case>().unwrap().to_string(), name);
    }
    for wrong in SIMPLE {
        assert_eq!(wrong.to_string().parse(), Ok(wrong));
    }
    assert_eq!("end@7".parse(), Ok(Wrong::End(7)));
}

#[test]
fn what_is_no_name_says_why() {
    let fault = |name: &str| name.parse::<Case>().unwrap_err();
    assert!(fault("chat.stream").contains("six parts"));
    assert!(fault("chit.stream.nothing.always.stays.plain").contains("chat, completions, embeddings"));
    assert!(fault("chat.stream.boom.always.stays.plain").contains("no fault of the matrix"));
    assert!(fault("chat.stream.cut@x.always.stays.plain").contains("is a number"));
    assert!(fault("chat.stream.nothing.always.runs.plain").contains("leaves@BYTE"));
}

#[tokio::test]
async fn the_matrix_has_every_cell_once_and_the_same_ones_for_a_seed() {
    let stage = Stage::start(Traffic::Fallback, 1);
    let some = cases(&stage, Density::Sampled(4), 7).await;
    assert_eq!(some, cases(&stage, Density::Sampled(4), 7).await);
    let all = cases(&stage, Density::Full, 7).await;
    assert!(all.len() > 3 * some.len(), "{} {}", all.len(), some.len());
    let names: HashSet<String> = all.iter().map(ToString::to_string).collect();
    for api in APIS {
        for &shape in Shape::of(api) {
            for reach in Reach::ALL {
                for wrong in SIMPLE.into_iter().chain([Wrong::Cut(0), Wrong::Cut(100), Wrong::Status(503)]) {
                    let case = Case { api, shape, wrong, reach, caller: Caller::Stays, traffic: Traffic::Fallback };
                    assert_eq!(names.contains(&case.to_string()), wrong.applies(api, shape), "{case}");
                }
            }
        }
    }
    stage.stop().await;
}

#[test]
fn a_provider_that_is_well_is_expected_to_be_heard_exactly() {
    for traffic in Traffic::ALL {
        for wrong in [Wrong::Nothing, Wrong::Cut(500), Wrong::Trickle, Wrong::Stall(2), Wrong::NoUsage] {
            let case = Case {
                api: Api::Chat,
                shape: Shape::Stream,
                wrong,
                reach: Reach::Always,
                caller: Caller::Stays,
                traffic,
            };
            assert_eq!(expect::endings(&case, 500), [expect::Ending::Exact], "{case}");
        }
    }
}
