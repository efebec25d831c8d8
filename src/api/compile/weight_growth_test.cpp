#include "api/compile/weight_growth.h"

#include <gtest/gtest.h>

namespace tempera::api {
namespace {

using frontend::Component;

TEST(FairShares, GiveTheSmallWhatTheyNeedAndTheRestByWeight) {
  using Shares = std::vector<int64_t>;
  EXPECT_EQ(fair_shares(90, {{10, 1}, {100, 1}, {40, 1}}), (Shares{10, 40, 40}));
  EXPECT_EQ(fair_shares(90, {{10, 1}, {100, 2}, {40, 1}}), (Shares{10, 54, 26}));
  EXPECT_EQ(fair_shares(90, {{0, 1}, {1, 2}, {2, 1}}), (Shares{0, 1, 2}));
  EXPECT_EQ(fair_shares(0, {{3, 1}}), (Shares{0}));
}

TEST(WeightGrowth, OfAllComponentsIsAQuarterOfTheirWeightsAtMost) {
  const auto checkpoint =
      frontend::open_checkpoint(std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  int64_t elements = 0;
  for (const frontend::PartSource& source : checkpoint->parts) {
    const auto weights = frontend::open_weights(*checkpoint, source.part);
    ASSERT_TRUE(weights.ok()) << weights.error().message;
    for (const auto& [name, tensor] : (*weights)->tensors())
      elements += element_count(tensor.shape);
  }
  int64_t growth = 0;
  for (const Component component :
       {Component::text_encoder, Component::unet, Component::vae_decoder, Component::vae_encoder})
    growth += weight_growth(*checkpoint, component, Target{}, {});
  EXPECT_LE(growth, elements);  // a quarter of four bytes each
  EXPECT_GT(growth, elements / 2);
  EXPECT_EQ(weight_growth(*checkpoint, Component::text_encoder, Target{}, {}), 0);
}

}  // namespace
}  // namespace tempera::api
