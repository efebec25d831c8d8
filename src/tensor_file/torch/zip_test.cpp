#include "tensor_file/torch/zip.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace tempera {
namespace {

std::string number(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i, value >>= 8) text += static_cast<char>(value);
  return text;
}

struct Member {
  std::string name, packed;
  uint64_t size;
  uint32_t crc;
  int method;
};

Member stored_member(const std::string& name, const std::string& bytes) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  return {name, bytes, bytes.size(), static_cast<uint32_t>(crc), 0};
}

// Of zlib's form without its head of two bytes and checksum of four.
Member deflated_member(const std::string& name, const std::string& bytes) {
  std::string packed(::compressBound(bytes.size()), '\0');
  uLongf size = packed.size();
  ::compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
              reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), 9);
  Member member = stored_member(name, bytes);
  member.packed = packed.substr(2, size - 6);
  member.method = 8;
  return member;
}

std::string zip(const std::vector<Member>& members) {
  std::string file, directory;
  for (const Member& m : members) {
    const std::string common = number(0, 2) + number(static_cast<uint64_t>(m.method), 2) +
                               number(0, 4) + number(m.crc, 4) + number(m.packed.size(), 4) +
                               number(m.size, 4) + number(m.name.size(), 2) + number(0, 2);
    directory += "PK\1\2" + number(20, 2) + number(20, 2) + common + number(0, 10) +
                 number(file.size(), 4) + m.name;
    file += "PK\3\4" + number(20, 2) + common + m.name + m.packed;
  }
  return file + directory + "PK\5\6" + number(0, 4) + number(members.size(), 2) +
         number(members.size(), 2) + number(directory.size(), 4) + number(file.size(), 4) +
         number(0, 2);
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Zip, FindsStoredBytesAndUnpacksDeflatedOnes) {
  const std::string words(1000, 'w');
  const std::string file = zip({stored_member("a", "plain"), deflated_member("b", words)});
  const auto entries = read_zip(bytes_of(file), "file");
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ(text_of((*entries)[0].packed), "plain");
  EXPECT_LT((*entries)[1].packed.size(), 100u);
  EXPECT_EQ(text_of(*unpack((*entries)[1], words.size(), "file")), words);
}

TEST(Zip, RefusesToUnpackMoreThanTheLimitBeforeItBegins) {
  const std::string file = zip({deflated_member("bomb", std::string(1 << 20, '\0'))});
  const auto entries = read_zip(bytes_of(file), "file");
  const auto unpacked = unpack(entries->front(), 1000, "file");
  ASSERT_FALSE(unpacked.ok());
  EXPECT_EQ(unpacked.error().code, ErrorCode::resource_exhausted);
}

TEST(Zip, RefusesAnEntryThatUnpacksToAnotherSizeOrOtherBytes) {
  Member longer = deflated_member("m", std::string(1000, 'w'));
  longer.size = 999;
  Member other = deflated_member("m", std::string(1000, 'w'));
  other.crc ^= 1;
  for (const Member& member : {longer, other}) {
    const std::string file = zip({member});
    const auto entries = read_zip(bytes_of(file), "file");
    const auto unpacked = unpack(entries->front(), 1 << 20, "file");
    ASSERT_FALSE(unpacked.ok());
    EXPECT_EQ(unpacked.error().code, ErrorCode::data_loss);
  }
}

TEST(Zip, IsRefusedWhereverItIsCutShort) {
  const std::string file = zip({stored_member("a", "plain"), stored_member("b", "more")});
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(read_zip(bytes_of(file).first(size), "file").ok()) << size;
}

}  // namespace
}  // namespace tempera
