//! The command line is sound, shows what exists and nothing else, and says in one line what is wrong.

use super::{Cli, Command, WalletCommand, command_of, one_line};
use crate::config::{Value, keys};
use clap::{CommandFactory, Parser};

fn parse(line: &str) -> Result<Command, clap::Error> {
    Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command)
}

fn refusal(line: &str) -> String {
    let command = command_of(line.split_whitespace().skip(1).map(str::to_owned));
    let text = one_line(&parse(line).unwrap_err().render().to_string(), &command);
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn exactly_the_finished_commands_exist() {
    let names = |command: &clap::Command| -> Vec<String> {
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect()
    };
    let root = Cli::command();
    assert_eq!(
        names(&root),
        [
            "dev",
            "run",
            "mine",
            "send",
            "wallet",
            "balance",
            "history",
            "tx",
            "block",
            "status",
            "peers",
            "chain",
            "db",
            "verify-proof",
            "config",
            "bench"
        ]
    );
    let of = |name: &str| names(root.find_subcommand(name).unwrap());
    assert_eq!(of("wallet"), ["new", "import", "list", "address"]);
    assert_eq!(of("chain"), ["new", "show", "export", "import", "verify"]);
    assert_eq!(of("db"), ["stats", "check", "compact"]);
    assert_eq!(of("config"), ["show", "check", "init"]);
    assert_eq!(of("bench"), ["verify", "import", "state"]);
}

#[test]
fn every_command_prints_json_on_request() {
    fn leaves<'a>(command: &'a clap::Command, found: &mut Vec<&'a clap::Command>) {
        if command.get_subcommands().next().is_none() {
            found.push(command);
        }
        command.get_subcommands().for_each(|command| leaves(command, found));
    }
    let root = Cli::command();
    let mut found = Vec::new();
    leaves(&root, &mut found);
    for command in found {
        let has_json = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
        assert!(has_json, "{} has no --json", command.get_name());
    }
}

#[test]
fn no_secret_can_stand_on_a_command_line() {
    for line in ["wallet new a --passphrase x", "wallet import a --mnemonic x", "wallet import a --key x"] {
        assert!(parse(&format!("starling {line}")).is_err(), "{line}");
    }
}

#[test]
fn every_setting_of_a_node_is_a_flag_of_run() {
    let root = Cli::command();
    let run = root.find_subcommand("run").unwrap();
    let flags: Vec<_> =
        run.get_arguments().filter_map(clap::Arg::get_long).map(|name| format!("--{name}")).collect();
    for key in keys::KEYS.iter().filter(|key| ![keys::NODE.name, keys::WALLET_DIR.name].contains(&key.name)) {
        assert!(flags.contains(&key.flag()), "run has no {}", key.flag());
    }
    assert_eq!(
        flags.iter().filter(|flag| *flag != "--json" && *flag != "--help").count(),
        keys::KEYS.len() - 2
    );
}

#[test]
fn flags_become_a_layer() {
    let line = "starling run --chain c.toml --data-dir d --listen /a --listen /b --rpc 1:2 --mine --payout p \
                --threads 3 --no-mdns --log-level debug";
    let Command::Run(args) = parse(line).unwrap() else { panic!("another command") };
    let layer = args.settings.layer();
    assert_eq!(layer["listen"], Value::List(vec!["/a".to_owned(), "/b".to_owned()]));
    assert_eq!(layer["threads"], Value::Number(3));
    assert_eq!(layer["mine"], Value::Flag(true));
    assert_eq!(layer["data_dir"], Value::Text("d".to_owned()));
    assert!(!layer.contains_key("mine_alone") && !layer.contains_key("bootstrap"));
    let Command::Run(args) = parse("starling run --rpc a --rpc b").unwrap() else {
        panic!("another command")
    };
    assert_eq!(args.settings.layer()["rpc"], Value::Text("b".to_owned()), "the last one holds");
    let Command::Run(args) = parse("starling run").unwrap() else { panic!("another command") };
    assert!(args.settings.layer().is_empty());
}

#[test]
fn a_wrong_command_line_is_explained_in_one_line() {
    let text = refusal("starling send --to a");
    assert!(text.contains("--amount <STAR>") && text.ends_with("; see: starling send --help"), "{text}");
    assert!(refusal("starling blok").contains("'block'"));
    assert!(refusal("starling run --lisen x").contains("'--listen'"));
    assert!(refusal("starling send --to a --amount 1,5").contains("is not an amount"));
    assert!(refusal("starling tx 12").contains("64 lower-case hex digits"));
    assert!(refusal("starling block -- -1").contains("names no block"));
    assert!(refusal("starling wallet new a --words 13").contains("12 and 24 words are possible"));
    assert!(refusal("starling send --to a --amount 1 --timeout 5").contains("--wait"));
    assert!(
        refusal("starling wallet new a --passphrase-fd 3 --passphrase-file x")
            .contains("cannot be used with")
    );
    assert!(refusal("starling wallet import a --mnemonic-fd 3 --key-fd 4").contains("cannot be used with"));
    assert!(refusal("starling chain new x --prefund addr").contains("ADDRESS=STAR"));
    assert!(refusal("starling dev --block-time 0").contains("'0'"));
    for threads in ["0", "1025", "99999", "x", "-1"] {
        let said = refusal(&format!("starling mine --threads={threads}"));
        assert!(said.contains(&format!("'{threads}'")) && said.contains("a number from 1 to 1024"), "{said}");
    }
}

#[test]
fn a_refusal_names_the_help_of_the_command() {
    for (line, command) in [
        ("send --to a --amount 1,5", "starling send"),
        ("wallet new a --words 13", "starling wallet new"),
        ("chain new x --prefund addr", "starling chain new"),
        ("run --lisen x", "starling run"),
        ("wallet nwe", "starling wallet"),
        ("blok", "starling"),
        ("--jsn", "starling"),
    ] {
        let said = refusal(&format!("starling {line}"));
        assert!(said.ends_with(&format!("; see: {command} --help")), "{said}");
    }
    let long = "x".repeat(100_000);
    assert!(refusal(&format!("starling tx {long}")).len() < 1_100);
}

#[test]
fn defaults_are_the_documented_ones() {
    let Command::Send(send) = parse("starling send --to a --amount 1 --wait 6").unwrap() else {
        panic!("another")
    };
    assert_eq!((send.timeout, send.wait), (600, Some(super::WaitFor::Six)));
    let line = "starling wallet new a";
    let Command::Wallet(WalletCommand::New(new)) = parse(line).unwrap() else { panic!("another") };
    assert_eq!(new.words.count(), 12);
}
