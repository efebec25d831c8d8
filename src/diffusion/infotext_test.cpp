#include "diffusion/infotext.h"

#include <gtest/gtest.h>

namespace tempera::diffusion {
namespace {

TEST(Infotext, IsWhatTheWebuiWrites) {
  EXPECT_EQ(format_infotext({"a cat",
                             "blurry",
                             {{"Steps", "20"},
                              {"Sampler", "DPM++ 2M Karras"},
                              {"CFG scale", "7.5"},
                              {"Seed", "1"},
                              {"Size", "512x512"}}}),
            "a cat\nNegative prompt: blurry\n"
            "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 1, Size: 512x512");
}

TEST(Infotext, HasNoNegativeLineWithoutANegativePrompt) {
  EXPECT_EQ(format_infotext({"a cat", "", {{"Steps", "20"}}}), "a cat\nSteps: 20");
}

TEST(Infotext, QuotesValuesThatTheLineWouldSplit) {
  EXPECT_EQ(format_infotext({"x", "", {{"Model", "a, \"b\""}, {"Note", "1\n2"}, {"Plain", "a b"}}}),
            "x\nModel: \"a, \\\"b\\\"\", Note: \"1\\n2\", Plain: a b");
}

TEST(Infotext, DescribesAPicture) {
  PictureRequest request;
  request.prompt = "a cat";
  request.guidance_scale = 7.0;
  request.seeds = {5, 9};
  const SamplerPlan plan = make_sampler_plan(request.sampler, {}).value();
  EXPECT_EQ(format_infotext(describe_picture(request, plan, 1, "emoji", "tempera 0.1.0")),
            "a cat\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 9, Size: 512x512, "
            "Model: emoji, Version: tempera 0.1.0");
}

}  // namespace
}  // namespace tempera::diffusion
