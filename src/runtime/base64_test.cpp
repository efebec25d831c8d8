#include "runtime/base64.h"

#include <gtest/gtest.h>

namespace tempera::runtime {
namespace {

std::string encode(std::string_view text) { return base64_encode(std::as_bytes(std::span(text))); }

// RFC 4648, section 10.
TEST(Base64, EncodesTheStandardsExamples) {
  EXPECT_EQ(encode(""), "");
  EXPECT_EQ(encode("f"), "Zg==");
  EXPECT_EQ(encode("fo"), "Zm8=");
  EXPECT_EQ(encode("foo"), "Zm9v");
  EXPECT_EQ(encode("foob"), "Zm9vYg==");
  EXPECT_EQ(encode("foobar"), "Zm9vYmFy");
}

TEST(Base64, DecodesWhatItEncodes) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes.push_back(std::byte(i * 37));
  }
}

TEST(Base64, RefusesTextThatIsNotBase64) {
  for (const char* text :
       {"Z", "Zg", "Zg=", "Zg=a", "====", "Z===", "Zm9v=", "Zm 9", "Zh==", "Zm9="})
    EXPECT_FALSE(base64_decode(text)) << text;
}

}  // namespace
}  // namespace tempera::runtime
