use super::*;
use crate::rules::{BackendProtocol, ErrorPage, Page};

#[test]
fn what_grpc_tells_in_its_own_way_has_no_page() {
    // virtualserver §13
    let statuses = [StatusCode::BAD_GATEWAY, StatusCode::PAYMENT_REQUIRED];
    let page = ErrorPage {
        statuses: statuses.to_vec(),
        page: Page::Respond {
            status: None,
            content_type: "text/html".into(),
            body: Template::text("sorry"),
            headers: Vec::new(),
        },
        origin: origin(),
    };
    for (protocol, want) in
        [(BackendProtocol::Http, [true, true]), (BackendProtocol::Grpc, [false, true])]
    {
        let settings = BackendSettings { protocol, ..BackendSettings::new("tea", origin()) };
        let forward = Forward { settings: Arc::new(settings), ..forward() };
        let route = route(prefix("/"), Vec::new(), Action::Forward(Arc::new(forward)));
        let pages = Some([page.clone()].into());
        let fixture = Fixture::new(vec![Route { error_pages: pages, ..route }]);
        let request = RequestHead::get("a.example", "/");
        let decision = fixture.decision();
        let got = statuses.map(|status| decision.error_page(status, &request, "").is_some());
        assert_eq!(got, want, "{protocol:?}");
    }
}
