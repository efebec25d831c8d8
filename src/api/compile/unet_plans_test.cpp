// Plans of one UNet that are loaded together share their packed weights.
#include <gtest/gtest.h>

#include <map>

#include "api/compile/compile.h"
#include "api/compile/lower_component.h"
#include "runtime/plan_setup.h"

namespace tempera::api {
namespace {

runtime::Plan plan_of(const ComponentRequest& request) {
  const auto checkpoint =
      frontend::open_checkpoint(std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15");
  Result<RequestedGraph> requested = build_requested(*checkpoint, request);
  EXPECT_TRUE(requested.ok()) << requested.error().message;
  const auto fused = run_graph_passes(*requested, {});
  const auto compiler = make_compiler({.cpu = "x86-64-v4", .cache_folder = ""});
  return lower_component(*fused, "unet", compiler->target, 0)->plan;
}

std::map<std::string, int64_t> packed_by(const ComponentRequest& request) {
  std::map<std::string, int64_t> sizes;
  const runtime::Plan plan = plan_of(request);
  const std::vector<bool> kept = runtime::kept_packed(plan);
  for (size_t i = 0; i < kept.size(); ++i)
    if (kept[i]) sizes[plan.packed[i].key] = plan.packed[i].bytes;
  return sizes;
}

// Of the bytes that `one` packs, the part that `other` does not.
double own_part(const std::map<std::string, int64_t>& one,
                const std::map<std::string, int64_t>& other) {
  double all = 0, own = 0;
  for (const auto& [key, bytes] : one) {
    all += static_cast<double>(bytes);
    if (!other.contains(key)) own += static_cast<double>(bytes);
  }
  return own / all;
}

TEST(UnetPlans, SharePackedWeights) {
  const ComponentRequest plain{
      .component = "unet", .batch = 2, .height = 16, .width = 16, .tokens = 77};
  const auto packed = packed_by(plain);
  ComponentRequest other = plain;
  other.part = UnetPart::shallow;
  EXPECT_LT(own_part(packed_by(other), packed), 0.05) << "the shallow part";
  other.part = UnetPart::all_with_deep;
  EXPECT_EQ(own_part(packed_by(other), packed), 0) << "with the deep feature";
  other = plain;
  other.batch = 1;
  EXPECT_LT(own_part(packed_by(other), packed), 0.2) << "of the prompt alone";
  other = plain;
  other.token_merging.ratio = 0.5;
  EXPECT_LT(own_part(packed_by(other), packed), 0.05) << "with merged tokens";
}

}  // namespace
}  // namespace tempera::api
