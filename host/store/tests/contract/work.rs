//! Work that is done in the background: leased, put off, done once.

use xinglin_store::{Queue, Result, StoreError, Work};

use crate::{Bench, at, body, contract, here_id, there_id};

contract!(work_is_leased_put_off_and_done_once, work_of_a_queue_is_not_of_another);

fn work(tenant: xinglin_domain::id::TenantId, id: &str, due: i64) -> Work {
    Work { tenant, payload: body(1), ..Work::new(Queue::Event, id, "lane", at(due)) }
}

async fn work_is_leased_put_off_and_done_once(bench: Bench) -> Result<()> {
    let (mine, theirs) = (work(here_id(), "a", 5), work(there_id(), "a", 1));
    for (tenant, work) in [(bench.here(), &mine), (bench.there(), &theirs)] {
        let tx = tenant.begin().await?;
        tx.put_work(std::slice::from_ref(work)).await?;
        tx.commit().await?;
    }
    let claim = async |now, lease| {
        let tx = bench.operator().begin().await?;
        let claimed = tx.claim_work(Queue::Event, at(now), at(lease), 10).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(claimed)
    };
    let tried =
        |work: &Work, attempts, lease| Work { attempts, version: attempts + 1, due_at: at(lease), ..work.clone() };
    assert_eq!(claim(0, 9).await?, []);
    assert_eq!(claim(5, 50).await?, [tried(&theirs, 1, 50), tried(&mine, 1, 50)]);
    assert_eq!(claim(6, 60).await?, [], "leased");

    let tx = bench.there().begin().await?;
    assert!(!tx.finish_work(&theirs).await?, "whoever put it in has it only until it is due");
    assert!(tx.finish_work(&tried(&theirs, 1, 50)).await?);
    assert!(!tx.finish_work(&tried(&theirs, 1, 50)).await?);
    tx.commit().await?;
    let tx = bench.here().begin().await?;
    assert!(tx.put_off_work(&tried(&mine, 1, 50), at(20)).await?);
    tx.commit().await?;
    assert_eq!(claim(19, 60).await?, []);
    assert_eq!(claim(20, 60).await?, [tried(&mine, 2, 60)]);
    assert_eq!(claim(60, 90).await?.len(), 1, "the lease ran out");

    // Put in anew, it is nobody's.
    let tx = bench.here().begin().await?;
    tx.put_work(&[work(here_id(), "a", 95)]).await?;
    assert!(!tx.finish_work(&tried(&mine, 3, 90)).await?);
    tx.drop_work(Queue::Event, "a").await?;
    tx.commit().await?;
    assert_eq!(claim(1_000, 1_001).await?, []);
    Ok(())
}

async fn work_of_a_queue_is_not_of_another(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let all: Vec<Work> = Queue::ALL.into_iter().map(|queue| Work::new(queue, "id", "lane", at(1))).collect();
    tx.put_work(&all).await?;
    tx.drop_lane(Queue::Timer, "lane").await?;
    tx.commit().await?;
    for queue in Queue::ALL {
        let tx = bench.operator().begin().await?;
        let claimed = tx.claim_work(queue, at(1), at(9), 10).await?;
        tx.commit().await?;
        let queues: Vec<Queue> = claimed.into_iter().map(|work| work.queue).collect();
        assert_eq!(queues, if queue == Queue::Timer { vec![] } else { vec![queue] });
    }
    Ok(())
}
