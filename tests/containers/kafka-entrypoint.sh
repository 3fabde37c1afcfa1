#!/bin/bash
# As the image apache/kafka: KAFKA_NODE_ID=1 is node.id=1.
set -euo pipefail
properties=/tmp/server.properties
echo log.dirs=/tmp/kafka >$properties
env | sed -n 's/^KAFKA_//p' | while IFS== read -r name value; do
    echo "$(tr 'A-Z_' 'a-z.' <<<"$name")=$value"
done >>$properties
java -cp "/opt/kafka/libs/*" kafka.tools.StorageTool format -t cGdfdGFsbHkgdGVzdHMuIQ -c $properties
exec java -Xmx512m -cp '/opt/kafka/libs/*' kafka.Kafka $properties
