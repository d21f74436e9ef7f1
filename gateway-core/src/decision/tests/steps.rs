use super::*;
use crate::decision::{Refusal, Step};
use crate::rules::{Hsts, Policies};
use http::HeaderValue;

#[test]
fn another_request_than_the_decided_one_is_turned_away() {
    // Policies that are asked of a target that is refused have no say; nothing passes all the same.
    let value = HeaderValue::from_static("max-age=1");
    let hsts = Hsts { value, behind_proxy: false, origin: origin() };
    let policies = Policies { hsts: Some(Arc::new(hsts)), ..Policies::default() };
    let route = route(prefix("/"), Vec::new(), Action::Forward(Arc::new(forward())));
    let fixture = Fixture::new(vec![Route { policies: Some(Arc::new(policies)), ..route }]);
    let decision = fixture.decision();
    assert_eq!(decision.steps(&RequestHead::get("a.example", "/")), []);
    let refusal = Refusal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        reason: "this is not the request that was decided",
        origin: &origin(),
    };
    let steps = decision.steps(&RequestHead::get("a.example", "/%zz"));
    assert_eq!(steps, [Step::Refuse(refusal)]);
}
