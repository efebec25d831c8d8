#include "cli/progress.h"

#include <gtest/gtest.h>

namespace tempera::cli {
namespace {

using api::GenerateStage;

TEST(ProgressText, TellsStepsAndTheTimeLeft) {
  EXPECT_EQ(progress_text({GenerateStage::denoise, 4, 20, ""}, 2.0),
            "denoise 4/20, 0.500 s/step, 8 s left");
}

TEST(ProgressText, TellsNoTimeBeforeTheFirstStep) {
  EXPECT_EQ(progress_text({GenerateStage::denoise, 0, 20, ""}, 0), "denoise 0/20");
}

TEST(ProgressText, NamesTheComponent) {
  EXPECT_EQ(progress_text({GenerateStage::compile, 1, 3, "unet"}, 0), "compile unet");
}

}  // namespace
}  // namespace tempera::cli
