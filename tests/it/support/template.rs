//! A hospital with clinics, copied for each test.

use std::sync::{Arc, Weak};

use tokio::sync::Mutex;
use xinglin_store::Engine;

use super::{Client, Clinic, Plugin, TestHospital, data::Data};

/// Data of a stopped server, and tokens of the signed-in people.
pub struct Template {
    pub data: Data,
    pub operator: Client,
    /// Without plugins.
    clinics: Vec<Clinic>,
}

/// Most tests need one clinic, some another one to test isolation.
const CLINICS: usize = 2;

impl Template {
    /// The template of an engine. Created over HTTP when the first test needs it, and kept as long
    /// as any test uses it: a static one would never be dropped.
    pub async fn of(engine: Engine) -> Arc<Self> {
        static SQLITE: Mutex<Weak<Template>> = Mutex::const_new(Weak::new());
        static POSTGRES: Mutex<Weak<Template>> = Mutex::const_new(Weak::new());
        let made = match engine {
            Engine::Sqlite => &SQLITE,
            Engine::Postgres => &POSTGRES,
        };
        let mut made = made.lock().await;
        if let Some(template) = made.upgrade() {
            return template;
        }
        let template = Arc::new(Self::make(engine).await);
        *made = Arc::downgrade(&template);
        template
    }

    /// The clinic with this number, if it exists, at the address of `operator`, with these plugins
    /// enabled.
    pub async fn clinic(&self, number: usize, operator: &Client, plugins: &[&Plugin]) -> Option<Clinic> {
        let clinic = self.clinics.get(number)?.at(operator);
        for plugin in plugins {
            plugin.enable(operator, &clinic.tenant).await;
        }
        Some(clinic)
    }

    async fn make(engine: Engine) -> Self {
        let hospital = TestHospital::bare(engine).await;
        // A client without open connections, so that the server can end.
        let nobody = Client::new(hospital.anyone.base());
        let mut clinics = Vec::new();
        for _ in 0..CLINICS {
            clinics.push(Clinic::found(&hospital.operator, hospital.now(), &[]).await.at(&nobody));
        }
        let operator = hospital.operator.at(&nobody);
        Self { data: hospital.close().await, operator, clinics }
    }
}
