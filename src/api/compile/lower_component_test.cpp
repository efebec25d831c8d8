#include "api/compile/lower_component.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace tempera::api {
namespace {

Result<RequestedGraph> requested(std::vector<std::string> keep) {
  const auto checkpoint =
      frontend::open_checkpoint(std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15");
  return build_requested(
      *checkpoint, {.component = "text_encoder", .batch = 1, .tokens = 4, .keep = std::move(keep)});
}

TEST(KeptLayers, ComeAfterTheComponentsOutputs) {
  const auto graph = requested({"hidden_state.?"});
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  std::vector<std::string> names;
  for (const auto& [name, index] : graph->outputs) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"last_hidden_state", "pooler_output", "hidden_state.0",
                                             "hidden_state.1", "hidden_state.2"}));
}

TEST(KeptLayers, OneValueIsOneOutputUnderAllItsNames) {
  auto graph = requested({"*", "hidden_state.0"});
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  const auto fused = run_graph_passes(*graph, {});
  ASSERT_TRUE(fused.ok()) << fused.error().message;
  std::set<graph::ValueId> values;
  for (const graph::NamedValue& output : fused->graph.outputs())
    EXPECT_TRUE(values.insert(output.value).second) << output.name;
  EXPECT_GT(graph->outputs.size(), values.size()) << "embeddings is hidden_state.0";
  std::set<std::string> names;
  for (const auto& [name, index] : graph->outputs) {
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_LT(index, static_cast<int>(values.size())) << name;
  }
}

TEST(KeptLayers, APatternThatFitsNothingIsAnError) {
  EXPECT_EQ(requested({"down_blocks.*"}).error().code, ErrorCode::not_found);
}

// The tiny UNet has the layers of Stable Diffusion 1.5's: its plan has as many launches.
TEST(Plan, AGuidedStepOfSd15sUNetIsFewLaunches) {
  const auto checkpoint =
      frontend::open_checkpoint(std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15");
  auto graph = build_requested(
      *checkpoint, {.component = "unet", .batch = 2, .height = 16, .width = 16, .tokens = 77});
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  const auto fused = run_graph_passes(*graph, {});
  Target target;
  target.vector_bytes = 64;
  target.vector_registers = 32;
  const auto lowered = lower_component(*fused, "unet", target, 0);
  ASSERT_TRUE(lowered.ok()) << lowered.error().message;
  std::map<std::string, int> launches;
  int all = 0;
  for (const auto& launch : lowered->plan.launches[static_cast<size_t>(runtime::Stage::step)]) {
    ++launches[launch.schedule.substr(0, launch.schedule.find(' '))];
    ++all;
  }
  EXPECT_EQ(launches["channel_moments"], 0) << "made where the channels are stored";
  EXPECT_EQ(launches["group_norm_affine"], 0) << "joined where they are read";
  EXPECT_EQ(launches["moments"], 0) << "layer norms belong to the products that read them";
  EXPECT_EQ(launches["attention"], 32);
  EXPECT_LE(all, 229);
}

}  // namespace
}  // namespace tempera::api
