//! Documents of labels go first, and later their rows.

use std::time::{Duration, SystemTime};

use despatch_contracts::EventId;
use despatch_contracts::label::LabelCreated;
use despatch_contracts::order::ServiceLevel;
use despatch_read_model::labels::{LabelFormat, document, labels_of};
use despatch_testkit::eventually;

use crate::{at_level, config, env, picked};

#[tokio::test]
async fn a_label_loses_its_document_and_later_its_row() {
    let env = env(None).await;
    let placed = EventId::at(SystemTime::now() - Duration::from_secs(800 * 24 * 3600));
    let ids = ["young", "printed", "forgotten"].map(|name| format!("{placed}-{name}"));
    for id in &ids {
        env.deliver(&picked(at_level(id, ServiceLevel::SecondClass), 1, 1)).await;
        env.expect::<LabelCreated>(id).await;
    }
    env.quiet().await;
    let db = env.db().await;
    for (id, days) in [(&ids[0], 89), (&ids[1], 91), (&ids[2], 731)] {
        let age = "update labels.label set created_at = despatch_now() - $2::float8 * interval '1 day' where order_id = $1";
        db.execute(age, &[id, &f64::from(days)]).await.expect("a label");
    }
    env.run(despatch_labels::worker(&config(None)).expect("a sound configuration")).await;
    eventually("the oldest label goes", async || {
        labels_of(&db, &ids[2]).await.expect("the table").is_empty().then_some(())
    })
    .await;
    for (id, is_printable) in [(&ids[0], true), (&ids[1], false)] {
        let labels = labels_of(&db, id).await.expect("the table");
        assert_eq!(labels.len(), 1, "the tracking number stays");
        for format in [LabelFormat::Pdf, LabelFormat::Zpl] {
            let document = document(&db, &labels[0].label_id, format).await.expect("the table");
            assert_eq!(document.is_some(), is_printable, "{id}");
        }
    }
}
