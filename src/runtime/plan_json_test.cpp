#include "runtime/plan_json.h"

#include <gtest/gtest.h>

#include <functional>

#include "runtime/plan_for_test.h"

namespace tempera::runtime {
namespace {

TEST(PlanJson, ReadsBackExactlyWhatItWrote) {
  const Json json = to_json(small_plan());
  const auto parsed = parse_json(json.dump(), "plan.json");
  ASSERT_TRUE(parsed.ok());
  const Result<Plan> plan = plan_from_json(*parsed, "plan.json");
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(to_json(*plan), json);
  EXPECT_EQ(plan->launches[3][2].flops, 0.1);
  EXPECT_EQ(plan->launches[3][2].executed_flops, 0.05);
  EXPECT_EQ(plan->launches[3][2].arithmetic, DType::bf16);
  EXPECT_EQ(plan->launches[3][2].workload, "add 4");
  EXPECT_EQ(plan->launches[3][0].bindings, small_plan().launches[3][0].bindings);
  EXPECT_EQ(plan->inputs[1].stage, Stage::prompt);
  EXPECT_EQ(plan->kernels[2].scratch_bytes, 128);
}

// Every field of every object, gone or of another type, is refused and never crashes.
void damage_each_value(Json& root, Json& json, int& damaged) {
  const auto expect_refused = [&](std::string_view how) {
    ++damaged;
    const Result<Plan> plan = plan_from_json(root, "plan.json");
    ASSERT_FALSE(plan.ok()) << how << " in " << root.dump();
    EXPECT_EQ(plan.error().code, ErrorCode::data_loss);
    EXPECT_TRUE(plan.error().message.starts_with("plan.json: ")) << plan.error().message;
  };
  if (!json.is_structured()) return;
  for (auto& child : json) {
    const Json kept = child;
    for (const Json& bad : {Json(nullptr), Json(true), Json::object({{"x", 1}})}) {
      child = bad;
      expect_refused(bad.dump());
    }
    child = kept;
    damage_each_value(root, child, damaged);
  }
}

TEST(PlanJson, RefusesAnyFieldOfAnotherType) {
  Json json = to_json(small_plan());
  int damaged = 0;
  damage_each_value(json, json, damaged);
  EXPECT_GT(damaged, 300);
  EXPECT_TRUE(plan_from_json(json, "plan.json").ok());
}

TEST(PlanJson, RefusesMissingFields) {
  const Json json = to_json(small_plan());
  for (const auto& [key, value] : json.items()) {
    Json damaged = json;
    damaged.erase(key);
    EXPECT_FALSE(plan_from_json(damaged, "plan.json").ok()) << key;
  }
}

struct Fault {
  const char* name;
  std::function<void(Plan&)> make;
  const char* message;
};

TEST(CheckPlan, RefusesWhatWouldReachOutsideOfMemory) {
  const std::vector<Fault> faults = {
      {"kernel", [](Plan& p) { p.launches[3][0].kernel = 3; }, "kernel 3, but there are 3"},
      {"negative kernel", [](Plan& p) { p.launches[3][0].kernel = -1; }, "kernel -1"},
      {"index", [](Plan& p) { p.launches[3][0].bindings[0].index = 2; }, "index 2"},
      {"negative index", [](Plan& p) { p.launches[3][0].bindings[0].index = -1; }, "index -1"},
      {"offset", [](Plan& p) { p.launches[3][0].bindings[2].offset = 320; }, "offset 320"},
      {"negative offset", [](Plan& p) { p.launches[3][0].bindings[2].offset = -64; }, "offset -64"},
      {"second arena", [](Plan& p) { p.launches[3][0].bindings[2].index = 1; }, "index 1"},
      {"setup and arena", [](Plan& p) { p.launches[0][0].bindings[1].region = Region::arena; },
       "a setup launch of 'twice'"},
      {"setup and output", [](Plan& p) { p.launches[0][0].bindings[1].region = Region::output; },
       "a setup launch of 'twice'"},
      {"input of a later stage", [](Plan& p) { p.launches[2][0].bindings[0].index = 0; },
       "a prompt launch of 'add'"},
      {"input of setup", [](Plan& p) { p.inputs[0].stage = Stage::setup; }, "input 'sample'"},
      {"shape", [](Plan& p) { p.inputs[0].shape = {-4}; }, "impossible shape [-4]"},
      {"overflow", [](Plan& p) { p.weights[0].shape = Shape(9, 1 << 30); }, "impossible shape"},
      {"rank", [](Plan& p) { p.outputs[0].shape = Shape(17, 1); }, "impossible shape"},
      {"packed", [](Plan& p) { p.packed[0].bytes = -1; }, "a packed tensor of -1 bytes"},
      {"arena", [](Plan& p) { p.arena_bytes = int64_t{1} << 60; }, "an arena of"},
      {"state", [](Plan& p) { p.state_bytes = -5; }, "a state of -5"},
      {"constant", [](Plan& p) { p.constants[0].base64 = "AAAA"; }, "constant 0"},
      {"not base64", [](Plan& p) { p.constants[0].base64.assign(24, '!'); }, "constant 0"},
      {"symbol", [](Plan& p) { p.kernels[0].symbol = "a b"; }, "kernel 'a b'"},
      {"grid", [](Plan& p) { p.kernels[0].grid = -1; }, "grid of -1"},
      {"writes", [](Plan& p) { p.kernels[0].writes = {2}; }, "writes parameter 2, but is given 2"},
      {"scratch", [](Plan& p) { p.kernels[0].scratch_bytes = int64_t{1} << 40; }, "scratch"},
  };
  EXPECT_TRUE(check_plan(small_plan(), "plan.json").ok());
  for (const Fault& fault : faults) {
    Plan plan = small_plan();
    fault.make(plan);
    const Status status = check_plan(plan, "plan.json");
    ASSERT_FALSE(status.ok()) << fault.name;
    EXPECT_EQ(status.error().code, ErrorCode::data_loss) << fault.name;
    EXPECT_NE(status.error().message.find(fault.message), std::string::npos)
        << status.error().message;
  }
}

// As a kept layer that depends on weights alone.
TEST(CheckPlan, LetsSetupWriteOutputsOfItsOwn) {
  Plan plan = small_plan();
  plan.launches[0][0].bindings[1] = {Region::output, 0, 0};
  plan.outputs[0].stage = Stage::setup;
  EXPECT_TRUE(check_plan(plan, "plan.json").ok());
}

}  // namespace
}  // namespace tempera::runtime
