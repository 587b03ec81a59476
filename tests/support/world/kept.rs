//! Worlds that went wrong once, written out: a generator that grows changes what a seed means, and these keep their
//! meaning. Each says what it shows and how it has to end.

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::Role;
use ws_liveness::{End, LiveConfig, LiveConfigBuilder, PingWhen};

use super::families::Family;
use super::judging::{Judging, judge};
use super::lane::Way;
use super::scenario::{Answer, Consumer, Faults, Leaves, Ours, Peer, Scenario, Shape, Talk, Writer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No verdict, and our own close at the end.
    Lives,
    Dies(End),
}

pub struct Kept {
    pub name: &'static str,
    pub fate: Fate,
    pub scenario: Scenario,
}

pub fn all() -> Vec<Kept> {
    [stops(), programs(), pings(), oracle(), two_million(), earlier()].into_iter().flatten().collect()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A live and silent peer on a short path, a prompt reader in one task; I = 10 s, T = 2 s, W = 2 s, C = 5 s.
fn calm() -> Scenario {
    Scenario {
        seed: 0,
        family: Family::Fair,
        role: Role::Client,
        config: times(s(10), s(2), s(2), s(5)).build().unwrap(),
        out: way(ms(20), ms(0), [65_536, 65_536]),
        back: way(ms(20), ms(0), [65_536, 65_536]),
        peer: Peer {
            answer: Answer::Prompt,
            talk: Talk::Nothing,
            reads: Duration::ZERO,
            deaf: None,
            silent: None,
            leaves: Leaves::Never,
            echoes: true,
        },
        ours: Ours {
            shape: Shape::Whole,
            consumer: Consumer::Prompt,
            writer: Writer::Quiet,
            stalls: Vec::new(),
            asleep: false,
            host: Faults::default(),
        },
        horizon: s(60),
        progress: false,
        probes: None,
    }
}

fn times(i: Duration, t: Duration, w: Duration, c: Duration) -> LiveConfigBuilder {
    LiveConfig::builder().ping_interval(i).jitter(0.0).pong_timeout(t).write_timeout(w).close_timeout(c)
}

/// Of 10 MB/s, with room for so much in the send and the receive buffer.
fn way(latency: Duration, jitter: Duration, [send_buffer, receive_buffer]: [usize; 2]) -> Way {
    Way { latency, jitter, rate: 10_000_000, send_buffer, receive_buffer, pauses: Vec::new(), dark: None, reset: None }
}

fn every(gap: Duration, len: usize) -> Talk {
    Talk::Every { gap, len }
}

fn kept(name: &'static str, fate: Fate, change: impl FnOnce(&mut Scenario)) -> Kept {
    let mut scenario = calm();
    change(&mut scenario);
    Kept { name, fate, scenario }
}

/// Hosts that stand still.
fn stops() -> Vec<Kept> {
    vec![
        kept("stopped after the flush, continued past T, timers before sockets", Fate::Lives, |it| {
            it.ours.stalls = vec![(ms(10_001), ms(2_300))];
            it.ours.host.timers_first = true;
        }),
        kept("stopped while the ping waits and the peer drains, timers before sockets", Fate::Lives, |it| {
            it.ours.shape = Shape::Split;
            it.ours.writer = Writer::Every { gap: ms(9_600), len: 5_000 };
            (it.out.send_buffer, it.out.receive_buffer) = (1_000, 1_000);
            it.out.pauses = vec![(ms(9_500), s(2))];
            it.ours.stalls = vec![(ms(10_001), ms(2_300))];
            it.ours.host.timers_first = true;
        }),
        kept("an inner that yields, on a runtime that was blocked for more than T", Fate::Lives, |it| {
            it.ours.stalls = vec![(ms(10_001), ms(2_100))];
            it.ours.host.yields = 3;
        }),
        kept("a host that sleeps from the flush to just after T", Fate::Lives, |it| {
            it.ours.stalls = vec![(ms(10_001), ms(2_050))];
            it.ours.asleep = true;
            it.back.pauses = vec![(ms(10_001), ms(2_350))];
        }),
        kept("the same, spawned: the clock jumps", Fate::Lives, |it| {
            it.ours.shape = Shape::Spawned(4);
            it.ours.stalls = vec![(ms(10_001), ms(2_050))];
            it.ours.asleep = true;
            it.back.pauses = vec![(ms(10_001), ms(2_350))];
        }),
        kept("a runtime that is always late closes a dead peer", Fate::Dies(End::PongTimeout), |it| {
            it.ours.host.late = ms(40);
            it.back.dark = Some(s(15));
        }),
    ]
}

/// Programs that come and go.
fn programs() -> Vec<Kept> {
    vec![
        kept("40 s of work on each message, and a peer that reads nothing", Fate::Dies(End::WriteStalled), |it| {
            it.config = times(s(30), s(10), s(20), s(5)).build().unwrap();
            it.ours.consumer = Consumer::Works(s(40));
            it.peer.talk = every(s(5), 20);
            it.peer.deaf = Some(Duration::ZERO);
            (it.out.send_buffer, it.out.receive_buffer) = (5, 0);
            it.horizon = s(3_600);
        }),
        kept("closed during a pause of 20 s, with messages still to read", Fate::Lives, |it| {
            it.ours.shape = Shape::Split;
            it.ours.consumer = Consumer::Absent { from: s(45), time: s(20) };
            it.peer.talk = every(s(1), 20);
        }),
        kept("closed by a reader that takes 4 s for each message", Fate::Lives, |it| {
            it.ours.shape = Shape::Joined;
            it.ours.consumer = Consumer::Lingers(s(4));
            it.peer.talk = every(ms(10), 20);
            it.back.latency = ms(50);
        }),
        kept("nobody reads a full buffer, and the path is reset", Fate::Dies(End::PingFailed), |it| {
            it.ours.shape = Shape::Spawned(1);
            it.ours.consumer = Consumer::Absent { from: s(10), time: s(3_600) };
            it.peer.talk = every(s(1), 20);
            (it.out.reset, it.back.reset) = (Some(s(60)), Some(s(60)));
            it.horizon = s(7_200);
        }),
    ]
}

/// When pings leave, and which of them T belongs to.
fn pings() -> Vec<Kept> {
    vec![
        kept("idle, judged from the first answer: it dies before it was asked", Fate::Dies(End::PongTimeout), |it| {
            let builder = judge(Judging::AfterFirstPong, it.config.to_builder());
            it.config = builder.ping_when(PingWhen::Idle).build().unwrap();
            it.peer.talk = every(s(1), 20);
            (it.out.dark, it.back.dark) = (Some(s(600)), Some(s(600)));
            it.horizon = s(1_200);
        }),
        kept("flushed after the next was due, and nothing is judged", Fate::Lives, |it| {
            let builder = times(s(10), s(2), s(60), s(5));
            it.config = judge(Judging::Never, builder).build().unwrap();
            it.ours.shape = Shape::Split;
            it.ours.writer = Writer::Every { gap: ms(9_600), len: 5_000 };
            (it.out.send_buffer, it.out.receive_buffer) = (1_000, 1_000);
            it.out.pauses = vec![(ms(9_500), ms(10_495))];
        }),
        kept("a probe in a storm moves no T", Fate::Dies(End::PongTimeout), |it| {
            it.config = times(s(1), ms(600), s(2), s(1)).build().unwrap();
            it.peer.talk = every(ms(10), 20);
            it.out.dark = Some(ms(2_500));
            it.probes = Some(ms(310));
        }),
        kept("500 messages a second and never an answer", Fate::Dies(End::PongTimeout), |it| {
            it.config = times(s(1), s(1), s(2), s(1)).build().unwrap();
            it.peer.answer = Answer::Never;
            it.peer.talk = every(ms(2), 20);
        }),
    ]
}

/// What an earlier oracle took for faults.
fn oracle() -> Vec<Kept> {
    vec![
        // Seed 5251025: a ping that nothing judged yet is no miss.
        kept(
            "a ping that went by before the first answer is not one of M misses",
            Fate::Dies(End::PongTimeout),
            |it| {
                it.seed = 5_251_025;
                let builder = times(ms(43_597), ms(53_109), ms(31_981), ms(73_008)).jitter(0.75).max_deferrals(3);
                it.config = judge(Judging::AfterFirstPong, builder.missed_pongs(3)).build().unwrap();
                it.out = Way { rate: 693_698, dark: Some(ms(87_845)), ..way(ms(5_579), ms(1_085), [1_715, 2_454]) };
                it.back = Way { rate: 288_246, dark: Some(ms(87_845)), ..way(ms(5_277), ms(1_595), [93_738, 399]) };
                it.peer.talk = every(ms(5_410), 1_679);
                it.horizon = ms(637_308);
            },
        ),
        // Seed 731930007; it shows too that no two pings leave together.
        kept("the first answer is known when it is read, not while our user stands in `send`", Fate::Lives, |it| {
            it.seed = 731_930_007;
            let builder = times(ms(11_087), ms(53_026), ms(52_904), ms(99_191)).max_deferrals(3).missed_pongs(2);
            it.config = judge(Judging::AfterFirstPong, builder).build().unwrap();
            it.out = Way { rate: 5_019_907, ..way(ms(5_848), ms(4_989), [451, 240_062]) };
            it.back = Way { rate: 142_528, ..way(ms(3_048), ms(1_469), [4_272, 561]) };
            it.ours.writer = Writer::Every { gap: ms(8_315), len: 734 };
            it.horizon = ms(636_312);
        }),
        // Seed 1900478120: W runs, not T.
        kept("a ping whose flush never came to its end was not flushed", Fate::Dies(End::WriteStalled), |it| {
            it.seed = 1_900_478_120;
            let builder = times(ms(15_723), ms(148_621), ms(67_295), ms(17_139)).jitter(0.28).max_deferrals(0);
            it.config = builder.build().unwrap();
            it.out = Way { rate: 76_745, dark: Some(ms(151_460)), ..way(ms(2_580), ms(4_200), [380, 4_932]) };
            it.back = Way { rate: 545_282, dark: Some(ms(151_460)), ..way(ms(1_722), ms(2_958), [84_030, 454]) };
            it.ours.shape = Shape::Spawned(8);
            it.ours.writer = Writer::Every { gap: ms(8_685), len: 458 };
            it.horizon = ms(555_230);
        }),
        // Seed 52025158099: P3 where the peer says message after message.
        kept("bytes of frames move T also where one message follows the other", Fate::Dies(End::PongTimeout), |it| {
            it.seed = 52_025_158_099;
            it.config = times(ms(303), ms(351), ms(235), ms(104)).max_deferrals(3).build().unwrap();
            it.out = Way { rate: 553_992_560, dark: Some(ms(846)), ..way(ms(32), ms(28), [29_256, 145_378]) };
            it.back = Way { rate: 113_198_158, ..way(ms(18), ms(11), [19_330, 383]) };
            it.peer.talk = every(ms(528), 1_311);
            it.progress = true;
            it.horizon = ms(4_005);
        }),
    ]
}

/// What the oracle took for faults when two million worlds were run.
fn two_million() -> Vec<Kept> {
    vec![
        // Seed 304982: P3 asks when bytes were read, not when they came.
        kept("half a message, read after the ping left, moves T on", Fate::Dies(End::PongTimeout), |it| {
            it.seed = 304_982;
            it.config = times(ms(155), ms(102), ms(68), ms(186)).max_deferrals(0).build().unwrap();
            it.out = Way { rate: 785_618_513, dark: Some(ms(120)), ..way(ms(4), ms(0), [162_374, 700]) };
            it.back = Way { rate: 1_405_830_588, ..way(ms(4), ms(0), [2_757, 998]) };
            it.peer.talk = every(ms(9), 593);
            it.ours.shape = Shape::Spawned(1);
            it.ours.consumer = Consumer::Bursts { on: ms(57), off: ms(27) };
            it.horizon = ms(1_050);
            it.progress = true;
        }),
        // Seed 395252: `poll_ready` of this inner flushes, and does not say so.
        kept("T begins when the flush is known", Fate::Dies(End::PongTimeout), |it| {
            it.seed = 395_252;
            let builder = times(ms(43_846), ms(56_306), ms(122_437), ms(110_734))
                .jitter(0.729_657_817_361_418_7)
                .max_deferrals(2);
            it.config = builder.missed_pongs(2).build().unwrap();
            it.out = Way { rate: 124_656, ..way(ms(5_318), ms(3_357), [73_995, 14_652]) };
            it.back = Way { rate: 2_953_517, ..way(ms(4_407), ms(2_911), [490, 88_300]) };
            it.peer.reads = ms(41_793);
            it.ours.shape = Shape::Joined;
            it.ours.writer = Writer::Every { gap: ms(11_526), len: 18_881 };
            it.horizon = ms(1_517_209);
            it.progress = true;
        }),
        // Seed 1614666: the second silence begins with the flush of a ping that was written long before.
        kept("a silence that was over before the next ping was flushed", Fate::Dies(End::PongTimeout), |it| {
            it.seed = 1_614_666;
            it.role = Role::Server;
            it.config = times(ms(1_848), ms(6_218), ms(4_717), ms(2_015)).missed_pongs(2).build().unwrap();
            it.out = Way { rate: 64_863_590, ..way(ms(583), ms(373), [321, 7_788]) };
            it.back = Way { rate: 32_803_290, ..way(ms(317), ms(199), [14_490, 74_028]) };
            it.peer.answer = Answer::Never;
            it.ours.shape = Shape::Spawned(1);
            it.ours.consumer = Consumer::Impatient(ms(312));
            it.ours.writer = Writer::Every { gap: ms(7_697), len: 1_155 };
            it.ours.stalls = vec![(ms(5_545), ms(6_219)), (ms(17_622), ms(2_594)), (ms(22_065), ms(6_382))];
            it.ours.host.timers_first = true;
            it.horizon = ms(58_941);
        }),
        // Seed 621826: nobody promised the frame that came in that moment.
        kept("stopped until the last look, with a frame to read", Fate::Dies(End::PongTimeout), |it| {
            it.seed = 621_826;
            it.config = times(ms(911), ms(911), ms(1_422), ms(1_727)).max_deferrals(0).missed_pongs(3).build().unwrap();
            it.out = Way { rate: 77_390_397, ..way(ms(70), ms(35), [14_378, 272]) };
            it.back = Way { rate: 914_037_528, ..way(ms(79), ms(42), [1_645, 12_175]) };
            it.peer.answer = Answer::Never;
            it.peer.talk = every(ms(507), 96);
            it.ours.shape = Shape::Spawned(8);
            it.ours.consumer = Consumer::Impatient(ms(407));
            it.ours.writer = Writer::Every { gap: ms(553), len: 9 };
            it.ours.stalls = vec![(ms(3_606), ms(38)), (ms(5_021), ms(445)), (ms(6_378), ms(915))];
            it.ours.host.timers_first = true;
            it.horizon = ms(14_553);
        }),
        // Seed 1599393: K4, and the world ended too soon.
        kept("closed before a backlog, read by a tick", Fate::Lives, |it| {
            it.seed = 1_599_393;
            it.role = Role::Server;
            it.config = times(ms(1_416), ms(951), ms(1_587), ms(1_849)).build().unwrap();
            it.out = Way { rate: 20_445_344, ..way(ms(101), ms(43), [421, 825]) };
            it.back = Way { rate: 4_534_218, ..way(ms(1), ms(26), [166_087, 325]) };
            it.peer.talk = every(ms(117), 1_585);
            it.ours.shape = Shape::Split;
            it.ours.consumer = Consumer::Ticks(ms(94));
            it.horizon = ms(12_360);
        }),
        // Seed 1721749, likewise.
        kept("closed before a backlog, on a runtime that is always late", Fate::Lives, |it| {
            it.seed = 1_721_749;
            it.config =
                times(ms(49_095), ms(43_868), ms(51_131), ms(77_156)).max_deferrals(2).missed_pongs(3).build().unwrap();
            it.out = Way { rate: 470_962, ..way(ms(3_169), ms(4_039), [49_754, 877]) };
            it.back = Way { rate: 143_139, ..way(ms(98), ms(973), [149_012, 773]) };
            it.peer.talk = every(ms(2_807), 1_678);
            it.ours.shape = Shape::Split;
            it.ours.writer = Writer::Every { gap: ms(26_875), len: 794 };
            it.ours.host.late = ms(1_998);
            it.horizon = ms(785_926);
        }),
    ]
}

/// One of each kind that failed before attention was counted.
fn earlier() -> Vec<Kept> {
    vec![
        kept("a talker puts off the verdict of one that works, answers, reads", Fate::Dies(End::PongTimeout), |it| {
            it.config = times(ms(19_443), ms(38_097), ms(90_163), ms(28_480)).max_deferrals(0).build().unwrap();
            it.out = way(ms(3_644), ms(2_791), [82_491, 333]);
            it.back = way(ms(90), ms(3_687), [763, 16_759]);
            it.peer.answer = Answer::Never;
            it.peer.talk = every(ms(42_395), 83);
            it.ours.consumer = Consumer::Echoes(ms(21_984));
            it.horizon = s(400);
        }),
        kept("the pong waits behind a full buffer while our user stands in `send`", Fate::Lives, |it| {
            it.role = Role::Server;
            it.config = times(ms(170), ms(170), ms(410), ms(65)).max_deferrals(0).build().unwrap();
            it.out = Way { rate: 242_672, ..way(ms(1), ms(0), [1_136, 14_166]) };
            it.back = way(ms(7), ms(0), [2_334, 324]);
            it.peer.talk = every(ms(13), 354);
            it.ours.writer = Writer::Every { gap: ms(31), len: 7_187 };
            it.horizon = s(2);
        }),
        kept("a sleep that begins shortly before the deadline", Fate::Dies(End::PongTimeout), |it| {
            it.config = times(ms(2_148), ms(2_148), ms(1_328), ms(817)).max_deferrals(2).build().unwrap();
            it.out = Way { dark: Some(ms(7_653)), ..way(ms(240), ms(171), [2_720, 14_990]) };
            it.back = Way { dark: Some(ms(7_653)), ..way(ms(84), ms(168), [159_324, 54_567]) };
            it.back.pauses = vec![(ms(3_385), ms(3_714))];
            it.peer.talk = every(ms(2_206), 560);
            it.ours.consumer = Consumer::Impatient(ms(335));
            it.ours.stalls = vec![(ms(3_385), ms(3_177))];
            it.ours.asleep = true;
        }),
        kept("the answer lies in our socket when T ends", Fate::Lives, |it| {
            it.config = times(ms(356), ms(664), ms(970), ms(1_321)).max_deferrals(0).build().unwrap();
            (it.out.latency, it.back.latency) = (ms(38), ms(38));
            it.peer.answer = Answer::After(ms(584));
            it.peer.talk = every(ms(50), 80);
            it.ours.shape = Shape::Joined;
            it.horizon = s(5);
        }),
        kept("a probe that was lost left with a ping", Fate::Dies(End::PongTimeout), |it| {
            it.config = times(ms(120), ms(120), ms(90), ms(212)).max_deferrals(0).missed_pongs(3).build().unwrap();
            it.out = Way { dark: Some(ms(254)), ..way(ms(7), ms(7), [73_661, 1_771]) };
            it.back = way(ms(11), ms(4), [43_521, 815]);
            it.ours.shape = Shape::Spawned(8);
            it.ours.consumer = Consumer::Impatient(ms(69));
            it.probes = Some(ms(60));
            it.horizon = s(3);
        }),
    ]
}
