package broker

// Via is the User Property of MQTT 5 with which gateways that carry messages to each other find those that go round. In CONNECT it says that the Client
// is a gateway, by its mark; in a message it has the marks of the gateways that it came from, one in each.
const Via = "via"
