#include "api/run/fit_memory.h"

#include <gtest/gtest.h>

namespace tempera::api {
namespace {

TEST(FitMemory, ReadsAmounts) {
  EXPECT_EQ(*parse_bytes("2GiB"), int64_t{2} << 30);
  EXPECT_EQ(*parse_bytes("1.5 GB"), 1'500'000'000);
  EXPECT_EQ(*parse_bytes("800MB"), 800'000'000);
  EXPECT_EQ(*parse_bytes("4096"), 4096);
}

TEST(FitMemory, RefusesWhatIsNoAmount) {
  for (const char* text : {"", "two", "2 apples", "-1GB", "0", "nan", "1e300GB"})
    EXPECT_EQ(parse_bytes(text).error().code, ErrorCode::invalid_argument) << text;
  EXPECT_EQ(parse_bytes("2 apples").error().message,
            "'2 apples' is no amount of memory; write it as in 2GiB, 1.5GB or 800MB");
}

TEST(FitMemory, SaysWhatItDoes) {
  EXPECT_EQ(describe({}, 8), "");
  EXPECT_EQ(describe({.frees_unet = true, .decode_tile = 32, .encode_tile = 32}, 8),
            "freeing the unet before decoding, encoding and decoding in tiles of 256x256");
  EXPECT_EQ(describe({.frees_unet = true, .decode_tile = 32, .pictures = 2}, 8),
            "freeing the unet before decoding, decoding in tiles of 256x256, 2 pictures at once");
}

// The VAE is decoded beside the UNet unless that is freed.
TEST(FitMemory, FreeingTheUnetTakesItOffThePeakOfDecoding) {
  const ComponentMemory text{.component = "text_encoder", .weights = 10};
  const ComponentMemory unet{.component = "unet", .weights = 100, .arena = 20};
  const ComponentMemory vae{.component = "vae_decoder", .weights = 5, .arena = 50};
  const ComponentMemory encoder{.component = "vae_encoder", .weights = 5, .arena = 180};
  EXPECT_EQ(predict_peak({{text, unet, vae}}, 7, false), 7 + 120 + 55);
  EXPECT_EQ(predict_peak({{text, unet, vae}}, 7, true), 7 + 120);
  EXPECT_EQ(predict_peak({{text, encoder, unet, vae}}, 7, false), 7 + 185);
}

}  // namespace
}  // namespace tempera::api
