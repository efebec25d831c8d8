#include "diffusion/prompt/extra_networks.h"

#include <gtest/gtest.h>

namespace tempera::diffusion {
namespace {

TEST(ExtraNetworks, AreTakenOutOfThePrompt) {
  struct Case {
    std::string prompt, text;
    std::vector<LoraTag> loras;
  };
  const std::vector<Case> cases = {
      {"a cat", "a cat", {}},
      {"a <lora:ink:0.8> cat", "a  cat", {{"ink", 0.8, 0.8}}},
      {"<lora:ink>x<lora:b 2:0.5:1>", "x", {{"ink", 1, 1}, {"b 2", 0.5, 1}}},
      {"<lyco:ink:-1>", "", {{"ink", -1, -1}}},
      {"<lora:ink:unet=0.25>", "", {{"ink", 1, 0.25}}},
      {"<lora:ink:te=0.5>", "", {{"ink", 0.5, 0.5}}},
      {"a <b> <c:d> <cat-toy> 1 < 2", "a <b> <c:d> <cat-toy> 1 < 2", {}},
      {"<lora:open", "<lora:open", {}},
      {"< <lora:ink:2>", "< ", {{"ink", 2, 2}}},
  };
  for (const Case& c : cases) {
    const Result<ExtraNetworks> got = take_extra_networks(c.prompt);
    ASSERT_TRUE(got.ok()) << c.prompt;
    EXPECT_EQ(got->text, c.text) << c.prompt;
    EXPECT_EQ(got->loras, c.loras) << c.prompt;
  }
}

TEST(ExtraNetworks, RefusesStrengthsThatAreNone) {
  for (const std::string prompt :
       {"<lora:>", "<lora:a:b>", "<lora:a:1:2:3>", "<lora:a:nan>", "<lora:a:dyn=1>", "<lora:a:>"})
    EXPECT_FALSE(take_extra_networks(prompt).ok()) << prompt;
  const auto strange = take_extra_networks("<lora:ink:big>");
  EXPECT_EQ(strange.error().message,
            "the prompt's '<lora:ink:big>' has 'big' where <lora:name:0.8> or <lora:name:te:unet> "
            "has a strength");
  EXPECT_EQ(take_extra_networks("<hypernet:a:1>").error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace tempera::diffusion
