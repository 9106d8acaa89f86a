//! `openapi.json` is served, with every operation and no other.

use despatch_testkit::TestEnv;
use serde_json::json;

use crate::fixture::{Request, TestGateway};

#[tokio::test]
async fn every_operation_that_is_described_is_served_and_no_other() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let document = gateway.send(Request::new("GET", "/openapi.json")).await;
    assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
    let document = document.json();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (name, method) in
            [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")]
        {
            let answer = gateway.send(Request::new(method, path.replace(['{', '}'], ""))).await;
            let described = operations.get(name).is_some();
            assert_eq!(answer.status != 405, described, "{method} {path}: {answer:?}");
            if described {
                let answers = &operations[name]["responses"];
                assert!(answers.get(answer.status.to_string()).is_some(), "{method} {path}: {answer:?}");
            }
        }
    }
    let unknown = gateway.send(Request::new("GET", "/v1/invoices")).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (404, &json!("route-unknown")));
}
