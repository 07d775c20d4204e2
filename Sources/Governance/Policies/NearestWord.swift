/// Which of the words that are known somebody meant. Pure.
enum NearestWord {
  /// The one that the fewest changed letters are away, if that is a third of it at most.
  static func of(_ word: String, among known: [String]) -> String? {
    let near = known.map { (word: $0, distance: distance(Array(word.lowercased()), Array($0))) }
      .min { $0.distance < $1.distance }
    guard let near, near.distance <= max(2, near.word.count / 3) else { return nil }
    return near.word
  }

  /// Letters to insert, remove or replace.
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (place, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = place + 1
      for index in right.indices {
        let replaced = diagonal + (letter == right[index] ? 0 : 1)
        diagonal = row[index + 1]
        row[index + 1] = min(replaced, row[index] + 1, row[index + 1] + 1)
      }
    }
    return row[right.count]
  }
}
