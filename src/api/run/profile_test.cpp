#include "api/run/profile.h"

#include <gtest/gtest.h>

#include "api/run/profile_page.h"
#include "api/run/profile_trace.h"
#include "api/run/random_inputs.h"

namespace tempera::api {
namespace {

using runtime::Stage;

// Two launches of one convolution and one of element-wise work, as a run on two threads left them.
Profile small_profile() {
  Profile profile{.model = "<m>", .request = {.component = "unet"}, .stage = Stage::step};
  profile.threads = 2;
  profile.peaks = {.threads = 2, .f32_fma = 100, .bf16_dot = 200, .bytes = 10};
  const auto add = [&](const char* symbol, const char* kind, const char* origin, double begin,
                       double seconds) {
    ProfiledLaunch launch{.stage = Stage::step, .symbol = symbol};
    launch.launch.kind = kind;
    launch.launch.origin = origin;
    launch.launch.workload = "conv 3x3 <a> & b";
    launch.launch.schedule = "contraction tile_m=4";
    launch.launch.bytes = 1e9;
    launch.seconds = seconds;
    launch.last = {begin, begin + seconds};
    launch.workers = {{begin, begin + seconds / 2}, {0, 0}};
    profile.launches.push_back(std::move(launch));
  };
  add("conv_0123456789", "contraction", "down.0.resnets.0.conv1,down.0.norm", 10, 1);
  add("conv_0123456789", "contraction", "down.1.resnets.0.conv1", 11, 3);
  add("add_0123456789", "elementwise", "", 14, 0.5);
  for (int i : {0, 1}) {
    profile.launches[i].launch.flops = 80e9;
    profile.launches[i].launch.executed_flops = 40e9;
  }
  profile.launches[1].launch.arithmetic = DType::bf16;
  profile.seconds = {4.6, 4.545};
  profile.bare_seconds = {4.5, 4.7};
  return profile;
}

TEST(ProfileRows, AddUpTheLaunchesOfAKernel) {
  const Profile profile = small_profile();
  const auto rows = rows_by_kernel(profile, Stage::step);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "conv_0123456789");
  EXPECT_EQ(rows[0].launches, 2);
  EXPECT_DOUBLE_EQ(rows[0].seconds, 4);
  EXPECT_DOUBLE_EQ(rows[0].share, 4 / 4.5);
  EXPECT_DOUBLE_EQ(rows[0].gflops(), 20);
  EXPECT_DOUBLE_EQ(rows[0].effective_gflops(), 40);
  EXPECT_DOUBLE_EQ(rows[0].gbytes(), 0.5);
}

TEST(ProfileRows, RooflineIsWhatTheSlowerOfComputingAndMovingTakes) {
  const auto rows = rows_by_kernel(small_profile(), Stage::step);
  // 40 GFLOP take 0.4 s in f32 and 0.2 s in bf16; 1 GB takes 0.1 s.
  EXPECT_DOUBLE_EQ(rows[0].roofline(), (0.4 + 0.2) / 4);
  EXPECT_DOUBLE_EQ(rows[1].roofline(), 0.1 / 0.5);
}

TEST(ProfileRows, ModulesAreCutAtADepth) {
  const Profile profile = small_profile();
  const auto names = [&](int depth) {
    std::vector<std::string> result;
    for (const ProfileRow& row : rows_by_module(profile, Stage::step, depth))
      result.push_back(row.name);
    return result;
  };
  EXPECT_EQ(names(1), (std::vector<std::string>{"down", "-"}));
  EXPECT_EQ(names(2), (std::vector<std::string>{"down.1", "down.0", "-"}));
  EXPECT_EQ(names(9)[1], "down.0.resnets.0.conv1");
}

TEST(Profile, OverheadIsThatOfTheShortestRuns) {
  EXPECT_NEAR(small_profile().overhead(), 0.01, 1e-9);
}

TEST(ProfileTrace, HasARowForLaunchesAndOneForEachThread) {
  const Profile profile = small_profile();
  const Json trace = trace_json({&profile, 1});
  int rows = 0, launches = 0, parts = 0;
  for (const Json& event : trace["traceEvents"]) {
    rows += event["name"] == "thread_name" ? 1 : 0;
    if (event["ph"] != "X") continue;
    (event["tid"] == 1 ? launches : parts)++;
    EXPECT_GE(event["ts"], 0);
    EXPECT_GT(event["dur"], 0);
  }
  EXPECT_EQ(rows, 3);
  EXPECT_EQ(launches, 3);
  EXPECT_EQ(parts, 3) << "the second thread had nothing to do";
  EXPECT_EQ(trace["traceEvents"][4]["ts"], 0.0);
}

TEST(ProfilePage, IsOneFileWithEscapedText) {
  const Profile profile = small_profile();
  const std::string page = profile_page({&profile, 1}, 2);
  EXPECT_EQ(page.find("<a>"), std::string::npos);
  EXPECT_NE(page.find("conv 3x3 &lt;a&gt; &amp; b"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("src="), std::string::npos);
  EXPECT_NE(page.find("Roofline"), std::string::npos);
  size_t figures = 0;
  for (size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1))
    ++figures;
  EXPECT_EQ(figures, 2u) << "timeline and roofline";
}

ModelInfo info() {
  ModelInfo info;
  info.components = {"text_encoder", "unet", "vae_decoder", "vae_encoder"};
  info.vocabulary = 100;
  info.text_tokens = 77;
  info.context_width = 8;
  info.unet_channels = info.latent_channels = 4;
  info.sample_width = info.sample_height = 16;
  return info;
}

TEST(RandomInputs, AreWhatEachComponentTakes) {
  for (const std::string& component : info().components) {
    auto inputs = random_inputs(info(), component, {.width = 64, .height = 32});
    ASSERT_TRUE(inputs.ok()) << inputs.error().message;
    const auto bound = bind_inputs(info(), component, std::move(*inputs));
    ASSERT_TRUE(bound.ok()) << component << ": " << bound.error().message;
    const bool is_guided = component == "unet" || component == "text_encoder";
    EXPECT_EQ(bound->request.batch, is_guided ? 2 : 1);
    if (component == "unet") {
      EXPECT_EQ(bound->request.width, 8);
    }
    if (component == "vae_encoder") {
      EXPECT_EQ(bound->request.height, 32);
    }
  }
}

TEST(RandomInputs, TakeTheModelsSizeAndRefuseOneThatDoesNotFit) {
  EXPECT_EQ(random_inputs(info(), "vae_decoder", {})->at(0).second.shape, (Shape{1, 4, 16, 16}));
  EXPECT_EQ(random_inputs(info(), "unet", {.width = 60, .height = 64}).error().message,
            "the size 60x64 is not a multiple of 8");
}

}  // namespace
}  // namespace tempera::api
