// node node.js MODULE URL VERSION [CA]: an exchange by mqtt.js in node.
const [, , library, url, version, ca] = process.argv
const options = { protocolVersion: Number(version), protocolId: version === '3' ? 'MQIsdp' : 'MQTT' }
if (ca) options.ca = require('fs').readFileSync(ca)
require('./exchange.js')(require(library), url, options).then(
  () => process.exit(0),
  (err) => {
    console.error(err)
    process.exit(1)
  },
)
