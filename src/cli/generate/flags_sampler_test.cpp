#include "cli/generate/flags_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tempera::cli {
namespace {

Result<api::GenerateSettings> settings_of(std::vector<std::string> arguments) {
  CLI::App app;
  SamplerFlags flags;
  flags.add(app);
  std::ranges::reverse(arguments);  // CLI11 takes them last first
  app.parse(arguments);
  api::GenerateSettings settings;
  TRY(flags.apply(settings));
  return settings;
}

TEST(SamplerFlags, LeaveOpenWhatIsNotSaid) {
  const auto settings = settings_of({});
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->prediction, std::nullopt);
  EXPECT_EQ(settings->eta, std::nullopt);
  EXPECT_FALSE(settings->rescale_betas_zero_snr);
  EXPECT_EQ(settings->guidance_rescale, 0.0);
}

TEST(SamplerFlags, SetWhatTheySay) {
  const auto settings = settings_of(
      {"--prediction", "v", "--eta", "0.5", "--rescale-betas-zero-snr", "--guidance-rescale", "1"});
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_EQ(settings->prediction, "v");
  EXPECT_EQ(settings->eta, 0.5);
  EXPECT_TRUE(settings->rescale_betas_zero_snr);
  EXPECT_EQ(settings->guidance_rescale, 1.0);
}

TEST(SamplerFlags, RefuseARescaleBeyondTheWhole) {
  for (const char* text : {"1.1", "-0.1", "nan"})
    EXPECT_EQ(settings_of({"--guidance-rescale", text}).error().message,
              fmt::format("--guidance-rescale {} is not within 0 to 1", text));
}

}  // namespace
}  // namespace tempera::cli
