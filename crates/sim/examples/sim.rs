//! The simulated provider as a process: `cargo run -p paceline-sim --example sim -- [CONFIG.json] [--listen HOST:PORT]
//! [--preset NAME] [--speed X] [--model NAME[=PRESET]]… [--threads N]`.

use std::process::ExitCode;

use paceline_sim::{Config, ModelConfig, run};

fn configure(mut words: impl Iterator<Item = String>) -> Result<Config, String> {
    let mut config = Config::default();
    let preset = |name: &str| serde_json::from_value(name.into()).map_err(|_| format!("unknown preset {name}"));
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            let text = std::fs::read_to_string(&word).map_err(|error| format!("{word}: {error}"))?;
            config = Config::read(&text).map_err(|error| format!("{word}: {error}"))?;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        let wrong = || format!("{word}: {value:?} is not a number");
        match word.as_str() {
            "--listen" => config.listen = value,
            "--preset" => config.default_preset = preset(&value)?,
            "--speed" => config.speed = value.parse().map_err(|_| wrong())?,
            "--threads" => config.threads = Some(value.parse().map_err(|_| wrong())?),
            "--model" => {
                let (name, kind) =
                    value.split_once('=').map_or((value.as_str(), None), |(name, kind)| (name, Some(kind)));
                let preset = kind.map(preset).transpose()?;
                config.models.push(ModelConfig { name: name.into(), preset, ..ModelConfig::default() });
            }
            _ => return Err(format!("unknown option {word}")),
        }
    }
    Ok(config)
}

fn main() -> ExitCode {
    match configure(std::env::args().skip(1)).and_then(|config| run(config).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
