//! The load client of the benchmarks: N requests in a closed loop over C keep-alive connections, one line of JSON at the
//! end. Owns the run; knows nothing of what it calls but HTTP/1.1 and where a server-sent event ends. One thread: it has
//! to cost less than what it measures.

mod answer;
mod client;
mod framing;
mod options;
mod tally;

use std::process::ExitCode;

use crate::options::Options;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("load: {message}");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("load: {error}");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(client::run(&options)) {
        Ok(tally) => {
            println!("{}", tally.json());
            if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("load: {}: {error}", options.address);
            ExitCode::FAILURE
        }
    }
}
