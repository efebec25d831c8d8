#include "cli/flags.h"

#include <gtest/gtest.h>

#include "test/temp_folder.h"

namespace tempera::cli {
namespace {

TEST(Size, IsWidthByHeight) {
  EXPECT_EQ(*parse_size("512x384"), (std::pair<int64_t, int64_t>(512, 384)));
  EXPECT_EQ(*parse_size(""), (std::pair<int64_t, int64_t>(0, 0)));
}

TEST(Size, RefusesAnythingElse) {
  for (const char* text :
       {"512", "x", "512x", "x512", "512x0", "-8x8", "512x512x3", "8 x8", "512X"})
    EXPECT_EQ(parse_size(text).error().message,
              fmt::format("the size '{}' is not WIDTHxHEIGHT, as in 512x512", text));
}

TEST(Seeds, AreSeparatedByCommas) {
  EXPECT_EQ(*parse_seeds("5,9"), (std::vector<uint64_t>{5, 9}));
  EXPECT_EQ(*parse_seeds("18446744073709551615"), (std::vector<uint64_t>{~uint64_t{0}}));
}

TEST(Seeds, RefuseWhatIsNoNumber) {
  for (const char* text : {"", "5,", ",5", "-1", "1.5", "seven", "18446744073709551616"})
    EXPECT_FALSE(parse_seeds(text).ok()) << text;
}

TEST(ComponentOfPath, IsBehindTheLastColon) {
  EXPECT_EQ(split_component("models/x:unet"),
            std::pair(std::string("models/x"), std::string("unet")));
  EXPECT_EQ(split_component("a:b:unet"), std::pair(std::string("a:b"), std::string("unet")));
  EXPECT_EQ(split_component("models/x"), std::pair(std::string("models/x"), std::string()));
}

TEST(ComponentOfPath, APathThatExistsHasNone) {
  const test::TempFolder folder;
  const std::string file = folder.write("odd:unet", "");
  EXPECT_EQ(split_component(file), std::pair(file, std::string()));
}

}  // namespace
}  // namespace tempera::cli
