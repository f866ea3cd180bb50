//! The calls of a simulation on tape.

use anyhow::{Result, bail};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinHandle,
};
use xinglin_domain::id::TenantId;
use xinglin_extensions::{
    package::{self, Upload},
    tape,
};
use xinglin_identity::tenant::{self, Kind, NewTenant};
use xinglin_platform::{AppResult, Caller, Config};
use xinglin_runtime::{Package, Tape};

use crate::{Hospital, cli::operator};

/// Before the name of a tenant that holds a simulation.
const SIMULATION: &str = "Simulation: ";
/// Tapes of one transaction.
const BATCH: usize = 256;

/// A database of simulations.
pub struct Archive {
    hospital: Hospital,
    tenant: TenantId,
    tapes: Sender<Tape>,
    writer: JoinHandle<AppResult<usize>>,
}

impl Archive {
    /// Opens it, with a new tenant of this name.
    pub async fn open(config: Config, package: &Package, name: &str) -> Result<Self> {
        let (hospital, caller) = operator::open(config, "simulate").await?;
        let tenants = hospital.platform.store().operator().list_tenants().await?;
        let known = tenants
            .iter()
            .find(|known| known.id != xinglin_platform::settings::PLATFORM && !known.name.starts_with(SIMULATION));
        if let Some(known) = known {
            bail!(
                "this database holds “{}”: keep simulations in another, for example with --data-dir simulations",
                known.name
            );
        }
        let upload = Upload { bytes: package.bytes().to_vec(), bundled: false, allow_downgrade: true };
        package::install(&hospital.platform, &caller, upload).await.map_err(|error| {
            anyhow::anyhow!("{error}; with XINGLIN_PLUGINS__ALLOW_UNSIGNED=true unsigned packages are taken")
        })?;
        let new = NewTenant { kind: Kind::Hospital, name: format!("{SIMULATION}{name}"), consent: None };
        let tenant = tenant::create(&hospital.platform, &caller, new).await?.id;
        let (tapes, received) = channel(4 * BATCH);
        let writer = hospital.platform.tasks().spawn(write(hospital.clone(), caller, tenant, received));
        Ok(Self { hospital, tenant, tapes, writer })
    }

    /// Takes tapes. The archive is closed when all takers are gone.
    pub fn tapes(&self) -> Sender<Tape> {
        self.tapes.clone()
    }

    /// Waits until all tapes are stored, and says where.
    pub async fn close(self) -> Result<()> {
        let Self { hospital, tenant, tapes, writer } = self;
        drop(tapes);
        let kept = writer.await??;
        hospital.platform.store().close().await?;
        eprintln!("{kept} calls are on tape; to run each again: xinglin replay --all --tenant {tenant}");
        Ok(())
    }
}

async fn write(hospital: Hospital, caller: Caller, tenant: TenantId, mut received: Receiver<Tape>) -> AppResult<usize> {
    let (mut kept, mut batch) = (0, Vec::with_capacity(BATCH));
    while received.recv_many(&mut batch, BATCH).await > 0 {
        tape::keep(&hospital.extensions, &caller, tenant, &batch).await?;
        kept += batch.len();
        batch.clear();
    }
    Ok(kept)
}
