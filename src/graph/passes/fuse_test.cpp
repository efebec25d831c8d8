#include "graph/passes/fuse.h"

#include <gtest/gtest.h>

#include "graph/passes/pipeline.h"
#include "graph/passes/testing.h"

namespace tempera::graph {
namespace {

using testing::graph_of;

// One line a group: its nodes, and of the whole graph the values read and written.
std::string outline(const Graph& graph, const FuseRules& rules = default_fuse_rules()) {
  std::string text;
  for (const Group& group : fuse(graph, rules)) {
    std::string nodes, reads, writes;
    for (const Node& node : group.body.nodes())
      if (node.op != Op::literal) nodes += (nodes.empty() ? "" : " ") + std::string(name(node.op));
    for (ValueId id : group.inputs) reads += fmt::format(" %{}", id);
    for (ValueId id : group.outputs) writes += fmt::format(" %{}", id);
    std::string anchor =
        group.anchor < 0 ? "-" : std::string(name(group.body.node(group.anchor).op));
    text += fmt::format("{} @{}: {};{} ->{}\n", anchor, name(group.rate), nodes, reads, writes);
  }
  return text;
}

std::string outline(const std::string& lines, const FuseRules& rules = default_fuse_rules()) {
  return outline(graph_of(lines), rules);
}

FuseRules all_take(Takes takes) {
  return {[takes](Op, int) { return takes; }};
}

FuseRules with_row_moments(FuseRules rules) {
  rules.takes_row_moments = [](const Graph&, const Node&) { return true; };
  return rules;
}

FuseRules all_join() {
  FuseRules rules = all_take(Takes::staged);
  rules.joins = [](Op, int) { return true; };
  return rules;
}

void expect_same(const Graph& graph, const FuseRules& rules, const std::string& what) {
  auto groups = fuse(graph, rules);
  for (const Group& group : groups) {
    ASSERT_TRUE(verify(group.body).ok()) << verify(group.body).error().message;
    EXPECT_EQ(group.rate, group.body.value(group.body.outputs()[0].value).rate);
  }
  for (uint32_t seed = 0; seed < 3; ++seed) {
    auto inputs = testing::random_inputs(graph, seed);
    auto want = evaluate(graph, inputs, {.f64 = true});
    auto got = testing::evaluate_groups(graph, groups, inputs);
    for (size_t i = 0; i < want.size(); ++i) {
      Tensor wide = got[i];
      ASSERT_LE(testing::distance(want[i], wide), 1e-12) << what << "\n"
                                                         << print_groups(graph, groups);
    }
  }
}

bool any_convolution(const Graph&, const Node& node) { return node.op == Op::conv; }

void expect_same_under_all_rules(const Graph& graph) {
  expect_same(graph, default_fuse_rules(), "default");
  expect_same(graph, all_take(Takes::nothing), "nothing");
  expect_same(graph, all_take(Takes::views), "views");
  expect_same(graph, all_take(Takes::elementwise), "elementwise");
  expect_same(graph, all_take(Takes::staged), "staged");
  FuseRules all = with_row_moments(all_take(Takes::staged));
  all.takes_halves = all.takes_row_moments;
  all.makes_channel_moments = all.takes_group_affine = any_convolution;
  expect_same(graph, all, "all moments and halves");
  expect_same(graph, all_join(), "joined");
}

constexpr const char* kLinear = R"(
  %x = input "x" f32[2,4] @step
  %w = input "w" f16[3,4] @load
  %b = input "b" f16[3] @load
  %skip = input "skip" f32[2,3] @step
  %w32 = cast(%w) {to=f32}
  %wt = transpose(%w32) {perm=[1,0]}
  %y = matmul(%x, %wt)
  %b32 = cast(%b) {to=f32}
  %z = add(%y, %b32)
  %a = silu(%z)
  %r = add(%a, %skip)
  output %r)";

TEST(Fuse, GivesAMatmulItsWeightChainBiasActivationAndResidual) {
  EXPECT_EQ(outline(kLinear),
            "- @load: cast; %2 -> %7\n"
            "matmul @step: cast transpose matmul add silu add; %0 %1 %7 %3 -> %10\n");
  expect_same_under_all_rules(graph_of(kLinear));
}

TEST(Fuse, ComputesWeightsInTheirOwnGroupsWhereTheOperandTakesNothing) {
  EXPECT_EQ(outline(kLinear, all_take(Takes::nothing)),
            "- @load: cast transpose; %1 -> %5\n"
            "- @load: cast; %2 -> %7\n"
            "matmul @step: matmul add silu add; %0 %5 %7 %3 -> %10\n");
}

TEST(Fuse, MakesAnInnerValueThatIsNeededElsewhereOneMoreOutput) {
  EXPECT_EQ(outline(R"(
    %x = input "x" f32[2,4] @step
    %w = input "w" f32[4,4] @load
    %y = matmul(%x, %w)
    %a = silu(%y)
    %z = matmul(%y, %w)
    output "a" %a
    output "z" %z)"),
            "matmul @step: matmul silu; %0 %1 -> %2 %3\n"
            "matmul @step: matmul; %2 %1 -> %4\n");
}

TEST(Fuse, NeverMakesGroupsThatReadEachOther) {
  // %r needs %z, which needs the first matmul: it belongs to the second one's epilogue.
  std::string lines = R"(
    %x = input "x" f32[2,4] @step
    %w = input "w" f32[4,4] @load
    %y = matmul(%x, %w)
    %z = matmul(%y, %w)
    %r = add(%y, %z)
    output %r)";
  EXPECT_EQ(outline(lines),
            "matmul @step: matmul; %0 %1 -> %2\n"
            "matmul @step: matmul add; %2 %1 -> %4\n");
  expect_same_under_all_rules(graph_of(lines));
}

TEST(Fuse, KeepsAnActivationOutOfAnInputThatOnlyTakesCheapWork) {
  std::string lines = R"(
    %x = input "x" f32[1,4,8,8] @step
    %s = input "s" f32[1,4,1,1] @step
    %w = input "w" f32[4,4,3,3] @load
    %m = mul(%x, %s)
    %a = silu(%m)
    %y = conv(%a, %w) {pads=[1,1,1,1]}
    output %y)";
  EXPECT_EQ(outline(lines, all_take(Takes::elementwise)),
            "- @step: mul silu; %0 %1 -> %4\n"
            "conv @step: conv; %4 %2 -> %5\n");
  EXPECT_EQ(outline(lines, all_take(Takes::staged)), "conv @step: mul silu conv; %0 %1 %2 -> %5\n");
  expect_same_under_all_rules(graph_of(lines));
}

TEST(Fuse, RecomputesCheapWorkForThreeReadersAndExpensiveWorkForOne) {
  auto with_readers = [](const std::string& work, int readers) {
    std::string lines = "%x = input \"x\" f32[2,4] @step\n%s = input \"s\" f32[4] @load\n" + work;
    for (int i = 0; i < readers; ++i)
      lines += fmt::format(
          "\n%w{0} = input \"w{0}\" f32[4,4] @load\n%y{0} = matmul(%a, %w{0})\n"
          "output \"y{0}\" %y{0}",
          i);
    return fuse(graph_of(lines), all_take(Takes::staged)).size();
  };
  EXPECT_EQ(with_readers("%a = mul(%x, %s)", 3), 3U);
  EXPECT_EQ(with_readers("%a = mul(%x, %s)", 4), 5U);
  EXPECT_EQ(with_readers("%a = mul(%x, %x)", 2), 3U);
  EXPECT_EQ(with_readers("%a = exp(%x)", 1), 1U);
  EXPECT_EQ(with_readers("%a = exp(%x)", 2), 3U);
}

TEST(Fuse, DoesNotRecomputeWhatABroadcastReadsManyTimes) {
  std::string lines = R"(
    %x = input "x" f32[8,4] @step
    %s = input "s" f32[4] @step
    %n = neg(%s)
    %r = mul(%x, %n)
    output %r)";
  EXPECT_EQ(outline(lines), "- @step: neg; %1 -> %2\n- @step: mul; %0 %2 -> %3\n");
  expect_same_under_all_rules(graph_of(lines));
}

TEST(Fuse, LetsViewsVanishAndHoldsThoseThatMustLieInMemory) {
  std::string lines = R"(
    %x = input "x" f32[2,6] @step
    %a = slice(%x) {axes=[1], ends=[3], starts=[0]}
    %b = slice(%x) {axes=[1], ends=[6], starts=[3]}
    %g = gelu(%b)
    %m = mul(%a, %g)
    %t = transpose(%m) {perm=[1,0]}
    %v = transpose(%x) {perm=[1,0]}
    output "t" %t
    output "v" %v)";
  EXPECT_EQ(outline(lines),
            "- @step: slice slice gelu mul transpose; %0 -> %5\n- @step: transpose; %0 -> %6\n");
  expect_same_under_all_rules(graph_of(lines));
}

TEST(Fuse, FollowsReshapesOnTheWayToMoreEpilogue) {
  std::string lines = R"(
    %x = input "x" f32[1,16,4] @step
    %w = input "w" f32[4,4] @load
    %skip = input "skip" f32[1,4,4,4] @step
    %y = matmul(%x, %w)
    %i = reshape(%y) {shape=[1,4,4,4]}
    %c = transpose(%i) {perm=[0,3,1,2]}
    %r = add(%c, %skip)
    output %r)";
  EXPECT_EQ(outline(lines), "matmul @step: matmul reshape transpose add; %0 %1 %2 -> %6\n");
  expect_same_under_all_rules(graph_of(lines));
}

TEST(Fuse, PutsElementwiseWorkIntoConcatAndCastsOfTablesIntoGather) {
  std::string lines = R"(
    %x = input "x" f32[2,4] @step
    %table = input "table" f16[9,4] @load
    %ids = input "ids" i64[2] @prompt
    %t = cast(%table) {to=f32}
    %e = gather(%t, %ids)
    %a = silu(%x)
    %r = concat(%a, %e) {axis=1}
    output %r)";
  EXPECT_EQ(outline(lines),
            "- @prompt: cast gather; %1 %2 -> %4\n- @step: silu concat; %0 %4 -> %6\n");
  expect_same_under_all_rules(graph_of(lines));
}

TEST(Fuse, ReadsConcatsInPlaceWhereTheRulesSay) {
  std::string lines = R"(
    %x = input "x" f32[2,4] @step
    %y = input "y" f32[2,4] @step
    %w = input "w" f32[8,3] @load
    %v = input "v" f32[2,8] @step
    %c = concat(%x, %y) {axis=1}
    %m, %s = moments(%c) {axes=[1]}
    %r = sub(%c, %m)
    %p = matmul(%r, %w)
    %q = add(%v, %c)
    output "p" %p
    output "q" %q)";
  EXPECT_EQ(outline(lines, all_join()),
            "moments @step: concat moments; %0 %1 -> %5\n"
            "matmul @step: concat sub matmul; %0 %1 %5 %2 -> %8\n"
            "- @step: concat add; %3 %0 %1 -> %9\n");
  expect_same_under_all_rules(graph_of(lines));
  std::string five = R"(
    %x = input "x" f32[2,2] @step
    %w = input "w" f32[10,3] @load
    %c = concat(%x, %x, %x, %x, %x) {axis=1}
    %p = matmul(%c, %w)
    output "p" %p)";
  EXPECT_EQ(outline(five, all_join()),
            "- @step: concat; %0 -> %2\nmatmul @step: matmul; %2 %1 -> %3\n");
}

// As the taps of an upsampling convolution are summed and quantised: nothing between is stored.
TEST(Fuse, PadsWeightsWhereTheyAreRead) {
  const std::string lines = R"(
    %x = input "x" f32[2,4] @step
    %w = input "w" f32[3,2] @load
    %before = pad(%w) {pads=[1,0,0,0]}
    %after = pad(%w) {pads=[0,0,1,0]}
    %sum = add(%before, %after)
    %most = reduce_max(%sum) {axes=[0], keepdims=1}
    %ratio = div(%sum, %most)
    %y = matmul(%x, %ratio)
    output "y" %y)";
  EXPECT_EQ(outline(lines, all_join()),
            "reduce_max @load: pad pad add reduce_max; %1 -> %5\n"
            "matmul @step: pad pad add div matmul; %0 %1 %5 -> %7\n");
  expect_same_under_all_rules(graph_of(lines));
}

TEST(Fuse, ChoosesThePiecesOfWeightsWhereTheyArePacked) {
  std::string lines = R"(
    %x = input "x" f32[2,4] @step
    %a = input "a" f16[3,4] @load
    %b = input "b" f16[2,4] @load
    %a32 = cast(%a) {to=f32}
    %b32 = cast(%b) {to=f32}
    %at = transpose(%a32) {perm=[1,0]}
    %bt = transpose(%b32) {perm=[1,0]}
    %bp = pad(%bt) {pads=[0,1,0,0]}
    %w = concat(%at, %at, %bt, %bp, %at, %at) {axis=1}
    %y = matmul(%x, %w)
    output "y" %y)";
  EXPECT_EQ(outline(lines),
            "matmul @step: cast transpose cast transpose pad concat matmul; %0 %1 %2 -> %9\n");
  expect_same_under_all_rules(graph_of(lines));
}

TEST(Fuse, KeepsRatesApart) {
  std::string lines = R"(
    %x = input "x" f32[2,4] @step
    %p = input "p" f32[2,4] @prompt
    %n = neg(%p)
    %r = add(%x, %n)
    output %r)";
  EXPECT_EQ(outline(lines), "- @prompt: neg; %1 -> %2\n- @step: add; %0 %2 -> %3\n");
}

TEST(Fuse, GivesEqualWorkEqualKeys) {
  auto groups = fuse(graph_of(R"(
    %x = input "x" f32[2,4] @step
    %w = input "w" f32[4,4] @load
    %v = input "v" f32[4,4] @load
    %a = matmul(%x, %w)  # one
    %b = silu(%a)        # one
    %c = matmul(%b, %v)  # two
    %d = silu(%c)        # two
    output %d)"),
                     default_fuse_rules());
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(workload_key(groups[0]), workload_key(groups[1]));
  EXPECT_EQ(groups[1].origin, (std::vector<std::string>{"two"}));
}

TEST(Fuse, SplitsANormalisedResidualBlockIntoTheExpectedGroups) {
  Graph graph = graph_of(R"(
    %x = input "x" f32[2,4,8,8] @step
    %temb = input "temb" f32[2,4] @step
    %g = input "g" f32[4] @load
    %w1 = input "w1" f32[4,4,3,3] @load
    %w2 = input "w2" f32[4,4,3,3] @load
    %bias = input "bias" f32[4] @load
    %c0 = conv(%x, %w1, %bias) {pads=[1,1,1,1]}
    %n1 = group_norm(%c0, %g, %g) {groups=2}
    %a1 = silu(%n1)
    %c1 = conv(%a1, %w1, %bias) {pads=[1,1,1,1]}
    %t = reshape(%temb) {shape=[2,4,1,1]}
    %h = add(%c1, %t)
    %n2 = group_norm(%h, %g, %g) {groups=2}
    %a2 = silu(%n2)
    %c2 = conv(%a2, %w2, %bias) {pads=[1,1,1,1]}
    %r = add(%c0, %c2)
    %s = upsample_nearest(%r) {size=[16,16]}
    %c3 = conv(%s, %w2) {pads=[1,1,1,1]}
    output %c3)");
  auto rules = all_take(Takes::staged);
  auto fused = run_passes(graph, rules, {.verify = true});
  EXPECT_EQ(outline(fused->graph, rules),
            "conv @step: conv; %0 %3 %5 -> %14\n"
            "channel_moments @step: channel_moments; %14 -> %15\n"
            "group_norm_affine @step: group_norm_affine; %2 %15 -> %16 %17\n"
            "conv @step: mul add silu conv reshape add; %14 %16 %17 %3 %5 %1 -> %23\n"
            "channel_moments @step: channel_moments; %23 -> %24\n"
            "group_norm_affine @step: group_norm_affine; %2 %24 -> %25 %26\n"
            "conv @step: mul add silu conv add; %14 %23 %25 %26 %4 %5 -> %31\n"
            "conv_transpose @step: transpose slice pad pad add pad pad add conv_transpose; "
            "%31 %4 -> %32\n");
  rules.makes_channel_moments = rules.takes_group_affine = any_convolution;
  EXPECT_EQ(outline(fused->graph, rules),
            "conv @step: conv channel_moments; %0 %3 %5 -> %14 %15\n"
            "conv @step: group_norm_affine mul add silu conv reshape add channel_moments; "
            "%14 %2 %15 %3 %5 %1 -> %23 %24\n"
            "conv @step: group_norm_affine mul add silu conv add; %14 %23 %2 %24 %4 %5 -> %31\n"
            "conv_transpose @step: transpose slice pad pad add pad pad add conv_transpose; "
            "%31 %4 -> %32\n");
  expect_same_under_all_rules(fused->graph);
}

// Records of moments are read where they lie, and chosen before that.
TEST(Fuse, MomentsThatMayBeGivenAreChosenInAGroupOfTheirOwn) {
  const Graph graph = graph_of(R"(
    %x = input "x" f32[2,4,8,8] @step
    %given = input "given" f32[2,12] @step
    %g = input "g" f32[4] @load
    %w = input "w" f32[4,4,3,3] @load
    %zero = input "zero" f32[1] @step
    %c0 = conv(%x, %w) {pads=[1,1,1,1]}
    %own = channel_moments(%c0)
    %is_given = less(%zero, %given)
    %m = where(%is_given, %given, %own)
    %factor, %term = group_norm_affine(%g, %g, %m) {groups=2}
    %s = mul(%c0, %factor)
    %n = add(%s, %term)
    %c1 = conv(%n, %w) {pads=[1,1,1,1]}
    %more = channel_moments(%x)
    %sum = add(%more, %given)
    output %c1
    output %own
    output %sum)");
  FuseRules rules = all_take(Takes::staged);
  rules.makes_channel_moments = rules.takes_group_affine = any_convolution;
  EXPECT_EQ(outline(graph, rules),
            "conv @step: conv channel_moments; %0 %3 -> %5 %6\n"
            "- @step: less where; %4 %1 %6 -> %8\n"
            "conv @step: group_norm_affine mul add conv; %5 %2 %8 %3 -> %13\n"
            "channel_moments @step: channel_moments; %0 -> %14\n"
            "- @step: add; %14 %1 -> %15\n");
  expect_same_under_all_rules(graph);
}

constexpr const char* kNormalisedRows = R"(
    %x = input "x" f32[2,9,8] @step
    %g = input "g" f32[8] @load
    %w = input "w" f32[8,6] @load
    %m, %r = moments(%x) {axes=[2]}
    %c = sub(%x, %m)
    %s = mul(%c, %r)
    %n = mul(%s, %g)
    %y = matmul(%n, %w)
)";

TEST(Fuse, LeavesTheMomentsOfItsRowsToTheOneMatmulThatNeedsThem) {
  const FuseRules rules = with_row_moments(all_take(Takes::staged));
  const std::string one = kNormalisedRows + std::string("output %y");
  EXPECT_EQ(outline(one, rules), "matmul @step: moments sub mul mul matmul; %0 %1 %2 -> %8\n");
  EXPECT_EQ(outline(one, all_take(Takes::staged)),
            "moments @step: moments; %0 -> %3 %4\n"
            "matmul @step: sub mul mul matmul; %0 %3 %4 %1 %2 -> %8\n");
  expect_same_under_all_rules(graph_of(one));
}

TEST(Fuse, ComputesMomentsOfRowsOnceWhereMoreThanOneMatmulNeedsThem) {
  const FuseRules rules = with_row_moments(all_take(Takes::staged));
  for (const char* rest : {"%z = matmul(%n, %w)\noutput %y\noutput %z",  // two products
                           "output %y\noutput %r",                       // an output
                           "%z = silu(%c)\noutput %y\noutput %z",        // other work
                           "%t = transpose(%n) {perm=[0,2,1]}\n%z = matmul(%t, %y)\noutput %z"}) {
    const std::string text = outline(kNormalisedRows + std::string(rest), rules);
    EXPECT_EQ(text.find("moments @step: moments; %0 -> %3 %4\n"), 0U) << text;
  }
}

constexpr const char* kGatedUnit = R"(
    %x = input "x" f32[2,9,8] @step
    %w = input "w" f32[8,12] @load
    %b = input "b" f32[12] @load
    %p = matmul(%x, %w)
    %y = add(%p, %b)
    %v = slice(%y) {starts=[0], ends=[6], axes=[2]}
    %g = slice(%y) {starts=[6], ends=[12], axes=[-1]}
    %a = gelu(%g)
)";

FuseRules with_halves(FuseRules rules) {
  rules.takes_halves = [](const Graph&, const Node&) { return true; };
  return rules;
}

TEST(Fuse, JoinsTheHalvesOfAMatmulsColumnsThatMeetAgain) {
  const std::string unit = kGatedUnit + std::string("%u = mul(%v, %a)\noutput %u");
  EXPECT_EQ(outline(unit, with_halves(all_take(Takes::staged))),
            "matmul @step: matmul add slice slice gelu mul; %0 %1 %2 -> %8\n");
  expect_same_under_all_rules(graph_of(unit));
}

TEST(Fuse, LeavesHalvesThatGoTheirOwnWaysToTheirReaders) {
  for (const char* rest : {"output %v\noutput %a",                              // never meet
                           "%u = mul(%v, %a)\noutput %u\noutput %y",            // the whole too
                           "%s = softmax(%v)\n%u = mul(%s, %a)\noutput %u"}) {  // not row by row
    const std::string text = kGatedUnit + std::string(rest);
    const std::string groups = outline(text, with_halves(all_take(Takes::staged)));
    EXPECT_EQ(groups.find("matmul @step: matmul add; %0 %1 %2 -> %4\n"), 0U) << groups;
    expect_same_under_all_rules(graph_of(text));
  }
}

TEST(Fuse, KnowsAHalfOfTheColumnsFromOtherSlices) {
  const auto half = [](const std::string& attributes) {
    const Graph graph = graph_of("%x = input \"x\" f32[4,12] @step\n%s = slice(%x) {" + attributes +
                                 "}\noutput %s");
    return half_of_columns(graph, graph.node(0));
  };
  EXPECT_EQ(half("starts=[0], ends=[6], axes=[1]"), 0);
  EXPECT_EQ(half("starts=[-6], ends=[12], axes=[-1]"), 1);
  EXPECT_EQ(half("starts=[0,6], ends=[4,12]"), 1);
  EXPECT_EQ(half("starts=[3], ends=[9], axes=[1]"), std::nullopt);
  EXPECT_EQ(half("starts=[0], ends=[12], axes=[1], steps=[2]"), std::nullopt);
  EXPECT_EQ(half("starts=[0], ends=[2], axes=[0]"), std::nullopt);
  EXPECT_EQ(half("starts=[0,0], ends=[2,6]"), std::nullopt);
}

TEST(Fuse, KeepsWhatRandomGraphsCompute) {
  using List = std::vector<int64_t>;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    auto pick = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
    Graph graph;
    std::vector<ValueId> values;  // all f32 [4, 4]
    for (Rate rate : {Rate::load, Rate::prompt, Rate::step, Rate::step})
      values.push_back(graph.add_input(std::to_string(values.size()), DType::f32, {4, 4}, rate));
    for (int i = 0; i < 25; ++i) {
      ValueId a = values[pick(values.size())], b = values[pick(values.size())];
      auto add = [&](Op op, std::vector<ValueId> inputs, const Attributes& attributes = {}) {
        values.push_back(graph.add(op, std::move(inputs), attributes)[0]);
      };
      switch (pick(9)) {
        case 0:
          add(Op::matmul, {a, b});
          break;
        case 1:
          add(Op::add, {a, b});
          break;
        case 2:
          add(Op::sub, {a, b});
          break;
        case 3:
          add(Op::tanh, {a});
          break;
        case 4:
          add(Op::transpose, {a}, {{"perm", List{1, 0}}});
          break;
        case 5:
          add(Op::softmax, {a});
          break;
        case 6: {
          ValueId half = graph.add(Op::slice, {a}, {{"starts", List{1}}, {"ends", List{3}}})[0];
          add(Op::concat, {half, half}, {});
          break;
        }
        case 7: {
          auto m = graph.add(Op::moments, {a}, {{"axes", List{1}}, {"epsilon", 0.1}});
          add(Op::mul, {a, m[1]});
          if (pick(2) == 0) add(Op::matmul, {values.back(), b});
          break;
        }
        default: {
          ValueId flat = graph.add(Op::reshape, {a}, {{"shape", List{2, 8}}})[0];
          ValueId bent = graph.add(Op::minimum, {flat, flat})[0];
          add(Op::reshape, {bent}, {{"shape", List{4, 4}}});
        }
      }
    }
    for (int i = 0; i < 3; ++i)
      graph.add_output(std::to_string(i), values[values.size() - 1 - pick(5)]);
    expect_same_under_all_rules(graph);
  }
}

}  // namespace
}  // namespace tempera::graph
