//! The columns of a 整改清单, in their order, and what an edited cell of each becomes.

/// A column of a 整改清单 (U16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// 序号
    No,
    /// 短号
    Short,
    /// 问题来源
    Source,
    /// 发现时间
    Found,
    /// 镇街
    Town,
    /// 社区(村)
    Committee,
    /// 具体位置
    Place,
    /// 问题描述
    Description,
    /// 对应小项
    Item,
    /// 整改前照片
    Before,
    /// 责任单位
    Unit,
    /// 责任人
    Keeper,
    /// 联系电话
    Phone,
    /// 整改措施
    Measures,
    /// 整改时限
    Due,
    /// 整改进展
    Progress,
    /// 整改后照片
    After,
    /// 完成时间
    Done,
    /// 核查人
    Verifier,
    /// 是否销号
    Closed,
    /// 备注
    Remarks,
}

/// What an edited cell becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// An edit of this field of the case.
    Field(&'static str),
    /// A comment that begins with the column's name.
    Comment,
    /// Nothing: it is told of.
    Nothing,
}

/// Whether a column holds pictures, and of which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// 整改前
    Before,
    /// 整改后
    After,
}

/// What stands between a column's name and the words of a comment.
pub const SAYS: char = '：';

impl Column {
    /// All, in the order of the sheet.
    pub const ALL: [Column; 21] = [
        Column::No,
        Column::Short,
        Column::Source,
        Column::Found,
        Column::Town,
        Column::Committee,
        Column::Place,
        Column::Description,
        Column::Item,
        Column::Before,
        Column::Unit,
        Column::Keeper,
        Column::Phone,
        Column::Measures,
        Column::Due,
        Column::Progress,
        Column::After,
        Column::Done,
        Column::Verifier,
        Column::Closed,
        Column::Remarks,
    ];

    /// Its title in the sheet.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Column::No => "序号",
            Column::Short => "短号",
            Column::Source => "问题来源",
            Column::Found => "发现时间",
            Column::Town => "镇街",
            Column::Committee => "社区(村)",
            Column::Place => "具体位置",
            Column::Description => "问题描述",
            Column::Item => "对应小项",
            Column::Before => "整改前照片",
            Column::Unit => "责任单位",
            Column::Keeper => "责任人",
            Column::Phone => "联系电话",
            Column::Measures => "整改措施",
            Column::Due => "整改时限",
            Column::Progress => "整改进展",
            Column::After => "整改后照片",
            Column::Done => "完成时间",
            Column::Verifier => "核查人",
            Column::Closed => "是否销号",
            Column::Remarks => "备注",
        }
    }

    /// The column of a title; full-width brackets and blanks make no difference.
    #[must_use]
    pub fn of_title(title: &str) -> Option<Self> {
        let plain = |t: &str| -> String {
            let half = t.replace('（', "(").replace('）', ")");
            half.chars().filter(|c| !c.is_whitespace()).collect()
        };
        let wanted = plain(title);
        Self::ALL.into_iter().find(|c| plain(c.title()) == wanted)
    }

    /// Its width in characters.
    #[must_use]
    pub fn width(self) -> f64 {
        match self {
            Column::No | Column::Closed => 5.0,
            Column::Source | Column::Keeper | Column::Verifier => 8.0,
            Column::Short | Column::Town | Column::Committee | Column::Unit => 11.0,
            Column::Found | Column::Due | Column::Done => 11.5,
            Column::Phone | Column::Item | Column::Remarks => 13.0,
            Column::Place | Column::Measures | Column::Progress => 16.0,
            Column::Description => 22.0,
            Column::Before | Column::After => 35.0,
        }
    }

    /// What an edited cell of it becomes.
    #[must_use]
    pub fn becomes(self) -> Becomes {
        match self {
            Column::Place => Becomes::Field("landmark"),
            Column::Description => Becomes::Field("description"),
            Column::Item => Becomes::Field("category"),
            Column::Measures | Column::Progress | Column::Remarks => Becomes::Comment,
            _ => Becomes::Nothing,
        }
    }

    /// Which pictures it holds.
    #[must_use]
    pub fn pictures(self) -> Option<Pictures> {
        match self {
            Column::Before => Some(Pictures::Before),
            Column::After => Some(Pictures::After),
            _ => None,
        }
    }

    /// Its place in a row.
    #[must_use]
    pub fn at(self) -> usize {
        self as usize
    }

    /// The words of a comment that came from this column.
    #[must_use]
    pub fn said_by(self, comment: &str) -> Option<&str> {
        comment.strip_prefix(self.title())?.strip_prefix(SAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_titles_are_exactly_those_of_the_campaign() {
        let titles: Vec<&str> = Column::ALL.iter().map(|c| c.title()).collect();
        let want = "序号 短号 问题来源 发现时间 镇街 社区(村) 具体位置 问题描述 对应小项 整改前照片 责任单位 责任人 \
                    联系电话 整改措施 整改时限 整改进展 整改后照片 完成时间 核查人 是否销号 备注";
        assert_eq!(titles, want.split_whitespace().collect::<Vec<_>>());
        for (n, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!((column.at(), Column::of_title(column.title())), (n, Some(column)));
        }
        assert_eq!(Column::of_title(" 社区（村） "), Some(Column::Committee));
    }
}
