# Stands in for the image apache/kafka, where no registry can be reached: Kafka's own jars, configured by the same variables.
FROM localhost/pg_tally/debian
COPY --from=kafka / /opt/kafka/libs/
COPY kafka-entrypoint.sh /usr/local/bin/
USER nobody
ENTRYPOINT ["kafka-entrypoint.sh"]
