#include "diffusion/guidance_rescale.h"

#include <gtest/gtest.h>

#include <vector>

namespace tempera::diffusion {
namespace {

// By torch's std and diffusers' rescale_noise_cfg.
TEST(RescaleGuidance, TakesThePromptsSpreadPictureByPicture) {
  const std::vector<float> prompt = {1, 2, 3, 0, 0, 10};
  std::vector<float> guided = {2, 4, 6, 1, 1, 1};
  rescale_guidance(1.0, 2, prompt, guided);
  EXPECT_EQ(guided, (std::vector<float>{1, 2, 3, 1, 1, 1}));
}

TEST(RescaleGuidance, AShareLeavesTheRest) {
  std::vector<float> guided = {2, 4, 6};
  rescale_guidance(0.5, 1, std::vector<float>{1, 2, 3}, guided);
  EXPECT_EQ(guided, (std::vector<float>{1.5f, 3.0f, 4.5f}));
}

}  // namespace
}  // namespace tempera::diffusion
