//! `rpc.discover`: the methods that there are.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `rpc.discover`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Discovery {
    /// Every method, subscriptions included.
    pub methods: Vec<MethodInfo>,
}

/// One method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodInfo {
    /// Its name.
    pub name: String,
    /// Its parameters, by position or by name.
    pub params: Vec<ParamInfo>,
    /// What it answers.
    pub result: String,
    /// Whether it needs the token.
    pub token: bool,
    /// What it does.
    pub summary: String,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParamInfo {
    /// Its name.
    pub name: String,
    /// Whether it must be given.
    pub required: bool,
    /// What stands for it when it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}
