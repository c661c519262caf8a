package bench;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** AlertsRun NAME WORKDIR BROKERPID RATE SECONDS -- COMMAND...: one measured run of W2. */
public class AlertsRun {
    public static void main(String[] a) throws Exception {
        String name = a[0];
        String work = a[1];
        long brokerPid = Long.parseLong(a[2]);
        int rate = Integer.parseInt(a[3]);
        int seconds = Integer.parseInt(a[4]);
        List<String> cmd = Arrays.asList(a).subList(6, a.length);
        int warm = Integer.parseInt(Env.s("BENCH_WARM_S", "10"));
        String run = "w2-" + name + "-" + Long.toString(System.currentTimeMillis(), 36);
        String in = "bench.live." + run;
        String out = "bench.alerts." + run;
        try (Kafka k = new Kafka(); KafkaProducer<byte[], byte[]> prod = Kafka.producer(1)) {
            k.create(in);
            k.create(out);
            Map<String, String> env = new HashMap<>();
            env.put("BENCH_BOOTSTRAP", Env.BOOTSTRAP);
            env.put("BENCH_IN", in);
            env.put("BENCH_OUT", out);
            env.put("BENCH_GROUP", run);
            env.put("BENCH_STATE_DIR", work + "/state/" + run);
            new File(work + "/state/" + run).mkdirs();
            new File(work + "/logs").mkdirs();

            long[] measure = {Long.MAX_VALUE, Long.MAX_VALUE}; // send stamps that count
            AtomicBoolean ready = new AtomicBoolean(), stop = new AtomicBoolean();
            AtomicLong got = new AtomicLong(), dup = new AtomicLong();
            long[][] lat = {new long[1 << 20]};
            long[][] dueLat = {new long[1 << 20]};
            int[] n = {0};
            // how late the sender was with the readings that set an alert off, ms, by alert
            Map<String, Long> behindMs = new ConcurrentHashMap<>();
            Thread reader = new Thread(() -> {
                Codec c = new Codec();
                Set<String> seen = new HashSet<>();
                try (KafkaConsumer<byte[], byte[]> con = Kafka.consumer(out)) {
                    while (!stop.get()) {
                        var rs = con.poll(Duration.ofMillis(100));
                        long now = System.currentTimeMillis();
                        for (ConsumerRecord<byte[], byte[]> r : rs) {
                            Alert x = c.alert(r.value());
                            ready.set(true);
                            if (x.participant.startsWith("flush")) continue;
                            String id = x.participant + ":" + x.ts;
                            if (!seen.add(id)) {
                                dup.incrementAndGet();
                                continue;
                            }
                            got.incrementAndGet();
                            if (x.sent >= measure[0] && x.sent < measure[1]) {
                                if (n[0] == lat[0].length) {
                                    lat[0] = Arrays.copyOf(lat[0], n[0] * 2);
                                    dueLat[0] = Arrays.copyOf(dueLat[0], n[0] * 2);
                                }
                                dueLat[0][n[0]] = now - x.sent + behindMs.getOrDefault(id, 0L);
                                lat[0][n[0]++] = now - x.sent;
                            }
                        }
                    }
                }
            });
            reader.setDaemon(true);
            reader.start();
            long t0 = System.nanoTime();
            Proc p = new Proc(cmd, env, new File(work + "/logs/" + run + ".log"));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    p.stop();
                } catch (InterruptedException e) {
                    // exiting
                }
            }));
            Codec codec = new Codec();
            while (!ready.get() && System.nanoTime() - t0 < 90_000_000_000L && p.p.isAlive()) {
                for (int part = 0; part < Generate.PARTITIONS; part++) {
                    Reading r = new Reading();
                    r.ts = Gen.BASE - 1000;
                    r.hr = 199;
                    String id = "flush-" + part;
                    prod.send(new ProducerRecord<>(in, part, id.getBytes(StandardCharsets.UTF_8), codec.upload(id, new Reading[] {r}, 1)));
                }
                prod.flush();
                Thread.sleep(250);
            }
            boolean started = ready.get();
            double startS = (System.nanoTime() - t0) / 1e9;
            int participants = 10_000;
            Gen gen = new Gen(participants, 1, 7);
            byte[][] keys = new byte[participants][];
            String[] names = new String[participants];
            for (int i = 0; i < participants; i++) {
                names[i] = Gen.name(i);
                keys[i] = names[i].getBytes(StandardCharsets.UTF_8);
            }
            byte[] runs = new byte[participants];
            long[] expect = {0};
            long[] sent = {0};
            long[] maxBehind = {0};
            double[] c0 = {0, 0, 0, 0}, c1 = {0, 0, 0, 0};
            long begin = System.nanoTime();
            long total = (long) rate * (warm + seconds);
            if (started) {
                gen.run(total + 10L * participants, (pt, rs, cnt) -> {
                    long due = begin + sent[0] * 1_000_000_000L / rate;
                    long now = System.nanoTime();
                    // in bursts: sleep 2 ms whenever ahead of the schedule, then send all that is due
                    while (now < due) {
                        LockSupport.parkNanos(2_000_000);
                        now = System.nanoTime();
                    }
                    if (sent[0] == (long) rate * warm) {
                        measure[0] = System.currentTimeMillis();
                        snap(c0, p, brokerPid);
                    }
                    if (measure[0] != Long.MAX_VALUE) maxBehind[0] = Math.max(maxBehind[0], now - due);
                    Reading r = rs[0];
                    if (r.hr < Env.ALERT_HR) runs[pt] = 0;
                    else if (++runs[pt] == Env.ALERT_RUN) {
                        runs[pt] = 0;
                        expect[0]++;
                        behindMs.put(names[pt] + ":" + r.ts, Math.max(0, (System.nanoTime() - due) / 1_000_000));
                    }
                    // stamped as late as may be: just before the send
                    prod.send(new ProducerRecord<>(in, null, System.currentTimeMillis(), keys[pt], codec.upload(names[pt], rs, 1)));
                    return ++sent[0] < total && p.p.isAlive();
                });
            }
            measure[1] = System.currentTimeMillis();
            snap(c1, p, brokerPid);
            prod.flush();
            long until = System.nanoTime() + 15_000_000_000L;
            while (got.get() < expect[0] && System.nanoTime() < until) Thread.sleep(100);
            Thread.sleep(1500);
            p.cpu();
            boolean alive = p.p.isAlive();
            p.stop();
            stop.set(true);
            reader.join(5000);
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("name", name);
            row.put("rate", rate);
            row.put("died", !alive);
            row.put("start_to_first_alert_s", WindowsRun.f(startS));
            long[] l = Arrays.copyOf(lat[0], n[0]);
            Arrays.sort(l);
            long[] d = Arrays.copyOf(dueLat[0], n[0]);
            Arrays.sort(d);
            row.put("samples", l.length);
            row.put("p50_ms", q(l, 0.5));
            row.put("p95_ms", q(l, 0.95));
            row.put("p99_ms", q(l, 0.99));
            row.put("max_ms", l.length == 0 ? -1 : l[l.length - 1]);
            row.put("p50_due_ms", q(d, 0.5));
            row.put("p99_due_ms", q(d, 0.99));
            double dt = c1[2] - c0[2];
            row.put("engine_cores", WindowsRun.f((c1[0] - c0[0]) / dt));
            row.put("broker_cores", WindowsRun.f((c1[1] - c0[1]) / dt));
            row.put("idle_cores", WindowsRun.f((c1[3] - c0[3]) / dt));
            row.put("peak_rss_mb", p.peakHwmKb / 1024);
            row.put("sender_max_behind_ms", maxBehind[0] / 1_000_000);
            row.put("sent", sent[0]);
            row.put("alerts_expected", expect[0]);
            row.put("alerts_missing", expect[0] - got.get());
            row.put("duplicates", dup.get());
            Kafka.row(work + "/alerts.tsv", row);
            if (System.getenv("BENCH_KEEP") == null) {
                k.delete(in, out);
                k.deletePrefix(run + "-");
                Clean.dir(new File(work + "/state/" + run));
            }
        }
    }

    static void snap(double[] c, Proc p, long brokerPid) {
        c[0] = p.cpu();
        c[1] = Proc.cpu(brokerPid);
        c[2] = System.nanoTime() / 1e9;
        c[3] = Proc.machine()[0];
    }

    static long q(long[] l, double q) {
        return l.length == 0 ? -1 : l[(int) Math.min(l.length - 1, Math.floor(l.length * q))];
    }
}
