#include "runtime/plan_setup.h"

#include <gtest/gtest.h>

#include "runtime/plan_for_test.h"

namespace tempera::runtime {
namespace {

using Launches = std::vector<size_t>;

// Setup makes packed 0 of packed 1, which goes, and packed 2, which stays:
//   0 twice: 1 = conv.weight   1 twice: 2 = conv.bias   2 add: 0 = 1 + 2
Plan chained_plan() {
  Plan plan = small_plan();
  plan.packed = {{"sum", 16}, {"weight twice", 16}, {"bias twice", 16}};
  PlanLaunch twice = plan.launches[0][0];
  twice.bindings = {{Region::weight, 0, 0}, {Region::packed, 1, 0}};
  PlanLaunch bias = twice;
  bias.bindings = {{Region::weight, 1, 0}, {Region::packed, 2, 0}};
  PlanLaunch sum = twice;
  sum.kernel = 1;
  sum.bindings = {{Region::packed, 1, 0}, {Region::packed, 2, 0}, {Region::packed, 0, 0}};
  plan.launches[0] = {twice, bias, sum};
  PlanLaunch reader = sum;
  reader.bindings = {{Region::packed, 2, 0}, {Region::arena, 0, 0}, {Region::arena, 0, 0}};
  plan.launches[3].push_back(reader);
  return plan;
}

TEST(PlanSetup, KeepsWhatLaterStagesRead) {
  EXPECT_EQ(kept_packed(chained_plan()), (std::vector<bool>{true, false, true}));
}

TEST(PlanSetup, RunsWhatLeadsToAMissingTensorAndNothingElse) {
  const Plan plan = chained_plan();
  EXPECT_EQ(needed_setup(plan, {false, false, false}), (Launches{0, 1, 2}));
  EXPECT_EQ(needed_setup(plan, {false, false, true}), (Launches{0, 2}));
  EXPECT_EQ(needed_setup(plan, {true, false, false}), (Launches{1}));
  EXPECT_EQ(needed_setup(plan, {true, false, true}), Launches{});
}

TEST(PlanSetup, MakesOutputsOfSetupWhateverIsReady) {
  Plan plan = chained_plan();
  plan.launches[0][2].bindings[2] = {Region::output, 1, 0};
  EXPECT_EQ(needed_setup(plan, {true, false, true}), (Launches{0, 2}));
}

TEST(PlanSetup, ReadsWeightsOfLaterStagesAndOfOutputsAfterPacking) {
  Plan plan = chained_plan();
  EXPECT_EQ(weights_after_packing(plan), (std::vector<bool>{false, true}));
  plan.launches[0][2].bindings[2] = {Region::output, 1, 0};
  EXPECT_EQ(weights_after_packing(plan), (std::vector<bool>{true, true}));
}

TEST(PlanSetup, CountsWeightsWhileTheyAreReadAndTensorsUntilTheLastReader) {
  EXPECT_EQ(transient_setup_bytes(chained_plan()), 32);  // in launch 1, conv.bias and packed 1
}

}  // namespace
}  // namespace tempera::runtime
